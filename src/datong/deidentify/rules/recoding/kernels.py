"""Grouping, node checks and the best-first search of the lattice, compiled by numba.

One row of `codes` per column (quasi-identifiers first, then sensitive columns), one entry per distinct tuple; `w`
counts the rows of the table behind a tuple, `p` those of the population. A node is one level per quasi-identifier.

How the search stays exact. Rows that fail k, k-map or distinct l fail in every finer node too (their classes only get
smaller), so a node where these rows exceed the limit rules out all finer ones. Entropy and recursive l, t and delta
are closed under union of classes: with no suppression a node that fails them rules out the finer ones as well; with
suppression that does not hold, so such a node rules out itself alone. A node is passed over when its lower bound is
no better than the best value found.

One file on purpose: numba renews what it has compiled when the file of a function changes, not when one that it calls
does, so a search split over files could run with a part that is no more.
Must never know: values, files.
Contract: tests/deidentify/test_recoding_search.py (equal to brute force over all nodes).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

DENSE_MAX = 1 << 22
"""Largest key space that is counted in a table of its own; above, a hash table."""
BLOCK = 1024
SNAPSHOTS_MAX = 256
SNAPSHOT_SHARE = 0.4
"""A node's groups are kept as a starting point for coarser nodes when they are fewer than this share of their input."""
SLACK = 1e-9
"""Rounding allowed for logarithms and distances, so that a class exactly at the threshold passes."""

NCP, AECS, DM, PRECISION, ENTROPY = range(5)
ANY_L, DISTINCT, ENTROPIC, RECURSIVE = range(4)
ANY_T, EQUAL, ORDERED, HIERARCHICAL = range(4)
UNKNOWN, FAILED, PASSED, MISSED = range(4)
"""Of a node: not looked at; fails, and so do all finer ones; passes; fails, which says nothing of the finer ones."""

Array = np.ndarray[Any, Any]
compiled: Any = njit(cache=True, nogil=True)


class Ground(NamedTuple):
    """What a search stands on; see the module for `codes`, `w`, `p`.

    off[j, level]: where the map of column j at a level begins in lev (leaf code -> label code) and in share (leaf
    code -> (leaves covered - 1) / (leaves - 1)); leaves[j], labels[j, level]: how many. dists, domain, trees,
    tree_heights, l_how .. t_value: per sensitive column. cap: more classes than this cannot hold within the limit.
    """

    codes: Array
    w: Array
    p: Array
    off: Array
    lev: Array
    share: Array
    leaves: Array
    labels: Array
    dists: Array
    domain: Array
    trees: Array
    tree_heights: Array
    l_how: int
    l_value: float
    c_value: float
    t_how: int
    t_value: float
    rows: int
    limit: int
    k: int
    k_map: int
    delta_min: float
    delta_max: float
    lenient: bool
    loss: int
    cap: int


class Work(NamedTuple):
    """Buffers of one search. counters: epoch of `dense`, snapshots, tuples in them, checks."""

    tab: Array
    active: Array
    cls: Array
    size: Array
    psize: Array
    rep: Array
    keys: Array
    fail: Array
    hard: Array
    dense: Array
    slots: Array
    snap_codes: Array
    snap_w: Array
    snap_p: Array
    snap_levels: Array
    snap_first: Array
    snap_count: Array
    counters: Array


def _tables(levels: Array, off: Array, lev: Array, leaves: Array, labels: Array, tab: Array, active: Array) -> Any:
    """Fills tab[j, leaf code] with the share of each active column in the key. Returns (active columns, key space).

    A column at a level of one label tells nothing and is left out. Key space 0: it does not fit 62 bits; then the
    keys are hashes, to be confirmed.
    """
    count = 0
    space = 1.0
    for j in range(len(levels)):
        if labels[j, levels[j]] > 1:
            active[count] = j
            count += 1
            space *= labels[j, levels[j]]
    exact = space < 4.0e18
    stride = np.int64(1)
    for a in range(count):
        j = active[a]
        at = off[j, levels[j]]
        if not exact:
            stride = np.int64(stride * 6364136223846793005 + 1442695040888963407)
        for leaf in range(leaves[j]):
            tab[j, leaf] = lev[at + leaf] * stride
        if exact:
            stride *= labels[j, levels[j]]
    return count, (stride if exact else np.int64(0))


tables: Any = compiled(_tables)


def _same(codes: Array, one: int, other: int, active: Array, count: int, tab: Array) -> bool:
    for a in range(count):
        j = active[a]
        if tab[j, codes[j, one]] != tab[j, codes[j, other]]:
            return False
    return True


same: Any = compiled(_same)


def _group(  # noqa: PLR0912, PLR0915 - one compiled loop
    codes: Array, first: int, n: int, w: Array, p: Array, active: Array, count: int, tab: Array, space: int,
    cls: Array, size: Array, psize: Array, rep: Array, keys: Array, dense: Array, epoch: int, slots: Array, cap: int,
) -> int:  # fmt: skip
    """Classes of the tuples first..first+n under `tab`: cls per tuple (from 0), size, psize and rep per class.

    Returns how many, or -1 as soon as more than `cap` classes have rows. dense: entries of the current `epoch` count.
    slots: a power of two of int32, used when the key space is no table.
    """
    in_table = 0 < space <= len(dense)
    key = np.zeros(BLOCK, np.int64)
    mask = 0
    if not in_table:
        mask = 1024
        while mask < 2 * min(n, cap + 1):
            mask *= 2
        mask = min(mask, len(slots))
        slots[:mask] = -1
        mask -= 1
    classes = 0
    for begin in range(0, n, BLOCK):
        m = min(BLOCK, n - begin)
        here = first + begin
        key[:m] = 0
        for a in range(count):
            share = tab[active[a]]
            code = codes[active[a], here : here + m]
            for i in range(m):
                key[i] += share[np.uint32(code[i])]  # unsigned: no look whether the index counts from the end
        weight = w[here : here + m]
        of = cls[begin : begin + m]
        for i in range(m):
            at = here + i
            k = key[i]
            found = -1
            if in_table:
                entry = dense[np.uint64(k)]
                if entry >> 32 == epoch:
                    found = entry & 0xFFFFFFFF
                else:
                    dense[k] = (np.int64(epoch) << 32) | classes
            else:
                h = np.int64(k * -7046029254386353131)
                place = (h ^ (h >> 29)) & mask
                while True:
                    c = slots[place]
                    if c < 0:
                        slots[place] = classes
                        break
                    if keys[c] == k and (space > 0 or same(codes, rep[c], at, active, count, tab)):
                        found = c
                        break
                    place = (place + 1) & mask
            if found < 0:
                if classes > cap:
                    return -1
                found = classes
                classes += 1
                size[found] = 0
                psize[found] = 0
                rep[found] = at
                keys[found] = k
            of[i] = found
            size[np.uint64(found)] += weight[i]
            if len(p) > 0:
                psize[found] += p[at]
    return classes


group: Any = compiled(_group)


def _close(counts: Array, touched: Array, m: int, total: int, dist: Array, how: int, t: float, tree: Array) -> bool:
    """Whether a class's sensitive values are within `t` of the table's (Li et al. 2007; EMD)."""
    if how == EQUAL:
        gap = 0.0
        rest = 1.0
        for x in range(m):
            v = touched[x]
            gap += abs(counts[v] / total - dist[v])
            rest -= dist[v]
        return bool((gap + rest) / 2 <= t + SLACK)
    if how == ORDERED:
        cost = 0.0
        run = 0.0
        for v in range(len(dist)):
            run += counts[v] / total - dist[v]
            cost += abs(run)
        return bool(cost <= t * max(len(dist) - 1, 1) + SLACK)
    # hierarchical: tree[level, value] = label; what is left over below a label is moved within it, at its height
    height = tree.shape[0] - 1
    cost = 0.0
    extra = np.zeros(len(dist), np.float64)
    for v in range(len(dist)):
        extra[v] = dist[v] - counts[v] / total
    for level in range(1, height + 1):
        more = np.zeros(len(dist), np.float64)
        less = np.zeros(len(dist), np.float64)
        up = np.zeros(len(dist), np.float64)
        for child in range(len(dist)):
            if tree[level, child] < 0:
                break
            parent = tree[level, child]
            if extra[child] > 0:
                more[parent] += extra[child]
            else:
                less[parent] -= extra[child]
            up[parent] += extra[child]
        for parent in range(len(dist)):
            cost += level / height * min(more[parent], less[parent])
        extra = up
    return bool(cost <= t + SLACK)


close: Any = compiled(_close)


def _diverse(counts: Array, touched: Array, m: int, total: int, how: int, l_value: float, c_value: float) -> bool:
    """Whether a class's sensitive values are l-diverse (Machanavajjhala et al. 2006)."""
    if how == ENTROPIC:
        entropy = 0.0
        for x in range(m):
            share = counts[touched[x]] / total
            entropy -= share * np.log(share)
        return bool(entropy >= np.log(l_value) - SLACK)
    if how == RECURSIVE:
        ranked = np.zeros(m, np.int64)
        for x in range(m):
            ranked[x] = counts[touched[x]]
        ranked.sort()
        tail = 0
        for x in range(m - int(l_value) + 1):
            tail += ranked[x]
        return bool(ranked[m - 1] < c_value * tail)
    return True


diverse: Any = compiled(_diverse)


def _sensitive(  # noqa: PLR0912 - one compiled loop
    codes: Array, column: int, first: int, n: int, w: Array, cls: Array, classes: int, size: Array, fail: Array,
    hard: Array, dist: Array, l_how: int, l_value: float, c_value: float, t_how: int, t_value: float, tree: Array,
) -> None:  # fmt: skip
    """Marks in `fail` the classes whose values in `column` are not diverse or close enough; in `hard` those that
    have too few distinct ones, which no finer node mends."""
    starts = np.zeros(classes + 1, np.int64)
    for i in range(n):
        starts[cls[i] + 1] += 1
    for c in range(classes):
        starts[c + 1] += starts[c]
    order = np.empty(n, np.int32)
    fill = starts[:classes].copy()
    for i in range(n):
        order[fill[cls[i]]] = i
        fill[cls[i]] += 1
    counts = np.zeros(len(dist), np.int64)
    touched = np.zeros(len(dist), np.int32)
    for c in range(classes):
        if size[c] == 0 or fail[c]:
            continue
        m = 0
        for x in range(starts[c], starts[c + 1]):
            at = first + order[x]
            if w[at] == 0:
                continue
            v = codes[column, at]
            if counts[v] == 0:
                touched[m] = v
                m += 1
            counts[v] += w[at]
        if l_how != ANY_L:
            if m < l_value - SLACK:
                fail[c] = True
                hard[c] = True
            elif not diverse(counts, touched, m, size[c], l_how, l_value, c_value):
                fail[c] = True
        if t_how != ANY_T and not fail[c] and not close(counts, touched, m, size[c], dist, t_how, t_value, tree):
            fail[c] = True
        for x in range(m):
            counts[touched[x]] = 0


sensitive: Any = compiled(_sensitive)


def _loss(  # noqa: PLR0912 - one compiled loop
    kind: int, bound: float, n: int, levels: Array, codes: Array, off: Array, lev: Array, share: Array, leaves: Array,
    classes: int, size: Array, rep: Array, fail: Array, suppressed: int, kept: int,
) -> float:  # fmt: skip
    """The loss of a checked node; a suppressed row loses everything."""
    q = len(levels)
    if kind == AECS:
        return n / (kept + (1 if suppressed > 0 else 0))
    if kind == DM:
        total = float(suppressed) * n
        for c in range(classes):
            if not fail[c]:
                total += float(size[c]) * size[c]
        return total
    if suppressed == 0:
        return bound
    if kind == PRECISION:
        return bound + suppressed / n * (1 - bound)
    if kind == NCP:
        more = 0.0
        for c in range(classes):
            if fail[c] and size[c] > 0:
                mean = 0.0
                for j in range(q):
                    mean += share[off[j, levels[j]] + codes[j, rep[c]]]
                more += size[c] * (1 - mean / q)
        return bound + more / n
    total = bound
    for j in range(q):
        hist = np.zeros(leaves[j], np.int64)
        for c in range(classes):
            if fail[c] and size[c] > 0:
                hist[lev[off[j, levels[j]] + codes[j, rep[c]]]] += size[c]
        for v in range(leaves[j]):
            if hist[v] > 0:
                total -= hist[v] * np.log2(hist[v] / suppressed)
    return total


loss_of: Any = compiled(_loss)


def _split(wk: Work, codes: Array, first: int, n: int, w: Array, p: Array, q: int, used: int, most: int) -> int:
    """Writes the classes, split by sensitive values, to the snapshots; how many, or -1 when more than `most`."""
    mask = 1024
    while mask < 2 * (most + 1):
        mask *= 2
    slots = np.full(mask, -1, np.int32)
    mask -= 1
    fine = 0
    owner = np.empty(most, np.int32)
    for i in range(n):
        at = first + i
        h = np.int64(wk.cls[i])
        for j in range(q, len(codes)):
            h = h * 6364136223846793005 + codes[j, at]
        h *= -7046029254386353131
        place = (h ^ (h >> 29)) & mask
        found = -1
        while slots[place] >= 0:
            f = slots[place]
            alike = owner[f] == wk.cls[i]
            for j in range(q, len(codes)):
                alike = alike and wk.snap_codes[j, used + f] == codes[j, at]
            if alike:
                found = f
                break
            place = (place + 1) & mask
        if found < 0:
            if fine >= most:
                return -1
            found = fine
            fine += 1
            slots[place] = found
            owner[found] = wk.cls[i]
            for j in range(len(codes)):
                wk.snap_codes[j, used + found] = codes[j, at]
            wk.snap_w[used + found] = 0
            if len(p) > 0:
                wk.snap_p[used + found] = 0
        wk.snap_w[used + found] += w[at]
        if len(p) > 0:
            wk.snap_p[used + found] += p[at]
    return fine


split: Any = compiled(_split)


def _keep(wk: Work, codes: Array, first: int, n: int, w: Array, p: Array, levels: Array, classes: int) -> None:
    """Keeps the groups of a node as a starting point for coarser ones, split by sensitive values, if it pays."""
    held = wk.counters[1]
    used = wk.counters[2]
    room = len(wk.snap_w) - used
    q = len(levels)
    extra = len(codes) - q
    if held == SNAPSHOTS_MAX or classes > SNAPSHOT_SHARE * n or classes * 4 > room:
        return
    if extra == 0:
        for c in range(classes):
            for j in range(len(codes)):
                wk.snap_codes[j, used + c] = codes[j, wk.rep[c]]
            wk.snap_w[used + c] = wk.size[c]
            if len(p) > 0:
                wk.snap_p[used + c] = wk.psize[c]
        fine = classes
    else:
        fine = split(wk, codes, first, n, w, p, q, used, min(room // 4, int(SNAPSHOT_SHARE * n)))
        if fine < 0:
            return
    wk.snap_levels[held] = levels
    wk.snap_first[held] = used
    wk.snap_count[held] = fine
    wk.counters[1] = held + 1
    wk.counters[2] = used + fine


keep: Any = compiled(_keep)


def _source(g: Ground, wk: Work, levels: Array) -> int:
    """The snapshot with the fewest groups from which `levels` can be made, or -1 for the tuples themselves."""
    best = -1
    fewest = len(g.w)
    for s in range(wk.counters[1]):
        if wk.snap_count[s] < fewest:
            finer = True
            for j in range(len(levels)):
                if wk.snap_levels[s, j] > levels[j]:
                    finer = False
                    break
            if finer:
                best = s
                fewest = wk.snap_count[s]
    return best


source: Any = compiled(_source)


def _check(g: Ground, wk: Work, levels: Array, bound: float) -> Any:  # noqa: PLR0912 - one compiled loop
    """One node: (state, loss, rows suppressed, classes kept, all classes with rows, sum of squares of all classes).

    bound: its loss without suppression, where the loss has a closed form. Loss and sums are of passing nodes only.
    """
    wk.counters[3] += 1
    wk.counters[0] += 1
    s = source(g, wk, levels)
    codes, w, p, first, n = g.codes, g.w, g.p, 0, len(g.w)
    if s >= 0:
        codes, w, p = wk.snap_codes, wk.snap_w, wk.snap_p
        first, n = wk.snap_first[s], wk.snap_count[s]
    count, space = tables(levels, g.off, g.lev, g.leaves, g.labels, wk.tab, wk.active)
    classes = group(
        codes, first, n, w, p, wk.active, count, wk.tab, space,
        wk.cls, wk.size, wk.psize, wk.rep, wk.keys, wk.dense, wk.counters[0], wk.slots, g.cap,
    )  # fmt: skip
    if classes < 0:
        return FAILED, 0.0, 0, 0, 0, 0.0
    keep(wk, codes, first, n, w, p, levels, classes)
    gone = 0
    for c in range(classes):
        bad = wk.size[c] < g.k or (g.k_map > 0 and wk.psize[c] < g.k_map)
        wk.fail[c] = bad
        wk.hard[c] = bad
        if bad:
            gone += wk.size[c]
    if gone > g.limit:
        return FAILED, 0.0, gone, 0, 0, 0.0
    impossible = False
    if g.delta_max >= 0:
        for c in range(classes):
            if wk.size[c] == 0:
                impossible = impossible or (g.delta_min > 0 and not g.lenient)
            else:
                delta = wk.size[c] / wk.psize[c]
                if delta < g.delta_min or delta > g.delta_max:
                    wk.fail[c] = True
    if impossible:
        return FAILED, 0.0, gone, 0, 0, 0.0
    for x in range(len(g.domain)):
        tree = g.trees[x, : g.tree_heights[x] + 1, : g.domain[x]]
        sensitive(
            codes, len(levels) + x, first, n, w, wk.cls, classes, wk.size, wk.fail, wk.hard,
            g.dists[x, : g.domain[x]], g.l_how, g.l_value, g.c_value, g.t_how, g.t_value, tree,
        )  # fmt: skip
    suppressed = 0
    hard = 0
    kept = 0
    groups = 0
    squares = 0.0
    for c in range(classes):
        if wk.size[c] > 0:
            groups += 1
            squares += float(wk.size[c]) * wk.size[c]
            if wk.hard[c]:
                hard += wk.size[c]
            if wk.fail[c]:
                suppressed += wk.size[c]
            else:
                kept += 1
    if suppressed > g.limit:
        closed = g.limit == 0 and not (g.lenient and g.delta_min > 0)
        return (FAILED if hard > g.limit or closed else MISSED), 0.0, suppressed, kept, groups, squares
    value = loss_of(
        g.loss, bound, g.rows, levels, codes, g.off, g.lev, g.share, g.leaves,
        classes, wk.size, wk.rep, wk.fail, suppressed, kept,
    )  # fmt: skip
    return PASSED, value, suppressed, kept, groups, squares


check: Any = compiled(_check)


def _rule_out(node: int, digits: Array, strides: Array, state: Array, stack: Array) -> None:
    """Marks a node and all finer ones as failing; what is marked has all its finer ones marked already."""
    top = 1
    stack[0] = node
    state[node] = FAILED
    while top > 0:
        top -= 1
        here = stack[top]
        for j in range(len(strides)):
            if digits[here, j] > 0:
                finer = here - strides[j]
                if state[finer] != FAILED:
                    state[finer] = FAILED
                    stack[top] = finer
                    top += 1


rule_out: Any = compiled(_rule_out)


def _raise_bound(
    node: int, low: float, digits: Array, heights: Array, strides: Array, bound: Array, stack: Array
) -> None:
    """No coarser node loses less than `low`; where that is known already it is known of all coarser ones."""
    top = 1
    stack[0] = node
    bound[node] = low
    while top > 0:
        top -= 1
        here = stack[top]
        for j in range(len(strides)):
            if digits[here, j] < heights[j]:
                coarser = here + strides[j]
                if bound[coarser] < low:
                    bound[coarser] = low
                    stack[top] = coarser
                    top += 1


raise_bound: Any = compiled(_raise_bound)


def _probe(
    node: int, g: Ground, wk: Work, digits: Array, heights: Array, strides: Array, bound: Array, state: Array,
    stack: Array, best: Array,
) -> int:  # fmt: skip
    """Checks a node, draws the conclusions for others; best = (loss, node, suppressed, classes). Returns its state."""
    found, value, suppressed, kept, groups, squares = check(g, wk, digits[node].astype(np.int64), bound[node])
    if found == FAILED:
        rule_out(node, digits, strides, state, stack)
        return int(found)
    state[node] = found
    if found == PASSED and value < best[0]:
        best[0], best[1], best[2], best[3] = value, node, suppressed, kept
    low = -1.0
    if g.loss == AECS and groups > 0:
        low = g.rows / groups
    if g.loss == DM:
        low = squares
    if low > bound[node]:
        raise_bound(node, low, digits, heights, strides, bound, stack)
    return int(found)


probe: Any = compiled(_probe)


def _search(
    g: Ground, wk: Work, order: Array, digits: Array, heights: Array, strides: Array, bound: Array, state: Array,
    stack: Array,
) -> Array:  # fmt: skip
    """The best node: (loss, node, suppressed, classes), node -1 when none holds.

    order: nodes by bound; digits[node]: its levels; bound: raised as the search learns. Climbs in the manner of Flash
    (Kohlmayer et al. 2012): from a node upwards along the least bound, and a binary search for the border on the way.
    """
    best = np.array([np.inf, -1.0, 0.0, 0.0])
    path = np.empty(heights.sum() + 1, np.int64)
    q = len(heights)
    for start in order:
        if state[start] != UNKNOWN or bound[start] >= best[0]:
            continue
        length = 1
        path[0] = start
        here = start
        while True:
            coarser = -1
            for j in range(q):
                if digits[here, j] < heights[j]:
                    other = here + strides[j]
                    open_ = state[other] != FAILED and bound[other] < best[0]
                    if open_ and (coarser < 0 or bound[other] < bound[coarser]):
                        coarser = other
            if coarser < 0:
                break
            here = coarser
            path[length] = here
            length += 1
        low = 0
        high = length - 1
        while low <= high:
            middle = (low + high) // 2
            node = path[middle]
            found = state[node]
            if found == UNKNOWN:
                found = probe(node, g, wk, digits, heights, strides, bound, state, stack, best)
            if found == PASSED:
                high = middle - 1
            else:
                low = middle + 1
        if state[start] == UNKNOWN and bound[start] < best[0]:
            probe(start, g, wk, digits, heights, strides, bound, state, stack, best)
    return best


search: Any = compiled(_search)
