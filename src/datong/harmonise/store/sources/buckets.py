"""S3-compatible storage: signed requests (Signature Version 4), objects read under the one ETag they were listed with.

Objects come in parts to a file aside, each part asked for with If-Match: an object that changes while it is read is
refused. Written here, because a client of S3 brings its own way to the network, past the guard, for the two requests
that reading needs. Contract: tests/harmonise/test_harmonise_s3.py (Amazon's published examples of signatures).
"""

from __future__ import annotations

import hashlib
import hmac
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import quote, urlsplit

from datong.ground.clock import wall_clock
from datong.harmonise.model.mappings import Bucket, Source
from datong.harmonise.store.sources.telling import refused
from datong.harmonise.store.sources.web import Web, body_of, header_secret, not_answered, shown

PART_BYTES = 64_000_000
LIST_BYTES_MAX = 8_000_000
OBJECTS_MAX, LISTS_MAX = 100_000, 1_000
NOTHING = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True)
class Listed:
    """An object as it was when it was listed."""

    key: str
    etag: str
    size: int


@dataclass(frozen=True)
class Keys:
    """Credentials; never printed."""

    access: str
    secret: str

    def __repr__(self) -> str:
        return "Keys(…)"


class Storage:
    """One bucket, for one reading."""

    def __init__(self, source: Source, web: Web) -> None:
        assert source.bucket is not None
        self.source, self.web, self.bucket = source, web, source.bucket
        self.names = ", ".join(filter(None, (self.bucket.access_key_from, self.bucket.secret_key_from)))

    def objects(self) -> list[Listed]:
        """The one object, or all below the prefix in the order of their keys."""
        if self.bucket.key:
            return [self._head(self.bucket.key)]
        found: list[Listed] = []
        asked = {"list-type": "2", "prefix": self.bucket.prefix}
        seen = {""}
        while True:
            url = self._url("", asked)
            with self.web.asked("GET", url, lambda url=url: self._headers("GET", url)) as answer:  # type: ignore[misc]
                if answer.status_code != 200:
                    raise not_answered(self.source, url, answer.status_code, self.names)
                body = b"".join(body_of(self.source, url, answer, LIST_BYTES_MAX))
            page, further = self._listed(url, body)
            found += page
            if len({entry.key for entry in found}) < len(found):
                zh, en = "对象清单中同一键出现两次", "its list of objects names one twice"
                raise refused(self.source, shown(url), zh, en)
            if len(found) > OBJECTS_MAX:
                zh, en = f"对象超过 {OBJECTS_MAX} 个", f"more than {OBJECTS_MAX} objects lie below the prefix"
                raise refused(self.source, shown(url), zh, en)
            if not further:
                break
            if further in seen or len(seen) > LISTS_MAX:
                zh, en = "对象清单没有结束", "its list of objects does not end"
                raise refused(self.source, shown(url), zh, en)
            seen.add(further)
            asked["continuation-token"] = further
        if not found:
            place = f"{self.bucket.bucket}/{self.bucket.prefix}"
            raise refused(self.source, place, "前缀下没有对象", "nothing lies below the prefix")
        return sorted(found, key=lambda entry: entry.key)

    def fetch(self, entry: Listed, to: Path) -> None:
        """The content of `entry` as it was listed."""
        url = self._url(entry.key, {})
        place = f"{self.bucket.bucket}/{entry.key}"
        with to.open("wb") as out:
            for start in range(0, entry.size, PART_BYTES):
                end = min(start + PART_BYTES, entry.size) - 1
                more = {"if-match": entry.etag, "range": f"bytes={start}-{end}"}
                with self.web.asked("GET", url, lambda more=more: self._headers("GET", url, more)) as answer:  # type: ignore[misc]
                    if answer.status_code == 412 or answer.headers.get("etag", entry.etag) != entry.etag:
                        zh, en = "对象在读取时被更改", "the object changed while it was read"
                        raise refused(self.source, place, zh, en)
                    if answer.status_code not in (200, 206):
                        raise not_answered(self.source, url, answer.status_code, self.names)
                    for piece in body_of(self.source, url, answer, end - start + 1):
                        out.write(piece)
            if out.tell() != entry.size:
                zh, en = "对象不完整", f"the object came with {out.tell()} of its {entry.size} bytes"
                raise refused(self.source, place, zh, en)

    def _head(self, key: str) -> Listed:
        url = self._url(key, {})
        with self.web.asked("HEAD", url, lambda: self._headers("HEAD", url)) as answer:
            if answer.status_code != 200:
                raise not_answered(self.source, url, answer.status_code, self.names)
            etag, size = answer.headers.get("etag", ""), answer.headers.get("content-length", "")
        if not etag or not size.isdigit():
            raise refused(self.source, shown(url), "应答没有 ETag 或长度", "answers without an ETag or a length")
        return Listed(key, etag, int(size))

    def _listed(self, url: str, body: bytes) -> tuple[list[Listed], str]:
        try:
            tree = ET.fromstring(body)  # noqa: S314  (expat 2.4 and later refuses entities that unfold; size is limited)
            space = tree.tag.partition("}")[0] + "}" if tree.tag.startswith("{") else ""
            if tree.tag != f"{space}ListBucketResult":  # a login page, or an error that is answered with 200
                raise ValueError(tree.tag)
            found = [
                Listed(
                    entry.findtext(f"{space}Key") or "", entry.findtext(f"{space}ETag") or "",
                    int(entry.findtext(f"{space}Size") or 0),
                )
                for entry in tree.iter(f"{space}Contents")
            ]  # fmt: skip
        except (ET.ParseError, ValueError):
            raise refused(self.source, shown(url), "应答不是 S3 的列表", "answers no list of an S3 service") from None
        kept = [entry for entry in found if not (entry.key.endswith("/") and entry.size == 0)]
        further = tree.findtext(f"{space}NextContinuationToken") or ""
        if not further and (tree.findtext(f"{space}IsTruncated") or "").strip().lower() == "true":
            zh = "对象清单未列完，却没有给出续列标记（只支持第一版列举的存储？）"
            en = "its list of objects is cut short and names no way on (a storage that knows version 1 of lists alone?)"
            raise refused(self.source, shown(url), zh, en)
        return kept, further

    def _url(self, key: str, asked: Mapping[str, str]) -> str:
        path = f"/{_encoded(self.bucket.bucket)}" + (f"/{quote(key, safe='/-_.~')}" if key else "")
        query = "&".join(f"{_encoded(k)}={_encoded(v)}" for k, v in sorted(asked.items()))
        return f"{self.bucket.endpoint.rstrip('/')}{path}" + (f"?{query}" if query else "")

    def _headers(self, method: str, url: str, more: Mapping[str, str] | None = None) -> dict[str, str]:
        if not self.bucket.access_key_from:
            return dict(more or {})
        keys = Keys(
            *(header_secret(self.source, n) for n in (self.bucket.access_key_from, self.bucket.secret_key_from))
        )
        return signed(method, url, more or {}, keys, self.bucket.region, wall_clock())


def signed(method: str, url: str, headers: Mapping[str, str], keys: Keys, region: str, now: datetime) -> dict[str, str]:
    """`headers` with those that prove who asks: AWS Signature Version 4 for a request without a body."""
    parts = urlsplit(url)
    at = now.strftime("%Y%m%dT%H%M%SZ")
    every = {
        **{name.lower(): value.strip() for name, value in headers.items()},
        "host": parts.netloc, "x-amz-content-sha256": NOTHING, "x-amz-date": at,
    }  # fmt: skip
    names = ";".join(sorted(every))
    canonical = "\n".join([
        method, parts.path or "/", "&".join(sorted(parts.query.split("&"))) if parts.query else "",
        *(f"{name}:{every[name]}" for name in sorted(every)), "", names, NOTHING,
    ])  # fmt: skip
    scope = f"{at[:8]}/{region}/s3/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", at, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{keys.secret}".encode()
    for part in (at[:8], region, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    proof = f"AWS4-HMAC-SHA256 Credential={keys.access}/{scope}, SignedHeaders={names}, Signature={signature}"
    return {**every, "authorization": proof}


def _encoded(text: str) -> str:
    return quote(text, safe="-_.~")


def described(bucket: Bucket) -> str:
    """What a bucket is called where people read it."""
    return f"{bucket.bucket}/{bucket.key or bucket.prefix}"
