"""EDC in a process of its own, and its management API; what it wants where it goes by credentials.

Used by the checks beside it, by the measure of negotiations and by the demonstration's chapter of another make.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from wallet import Wallet

HERE = Path(__file__).parent
NAMES = {"@vocab": "https://w3id.org/edc/v0.0.1/ns/", "odrl": "http://www.w3.org/ns/odrl/2/"}
PROTOCOL = "dataspace-protocol-http:2025-1"
SECONDS = 40.0
EDC = "edc-peer"


def compiled(lib: Path, folder: Path) -> str:
    """EDC's extension compiled into `folder`; why that cannot be done, or ""."""
    if shutil.which("javac") is None:
        return "there is no javac on the PATH"
    shutil.copytree(HERE / "edc-dcp" / "src", folder)
    command = ["javac", "-proc:none", "-nowarn", "-cp", f"{lib}/*", "-d", str(folder),
               *map(str, folder.rglob("*.java"))]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stderr.strip()[:300] if done.returncode else ""


def membership(wallet: Wallet, issuer: str) -> dict[str, str]:
    """The settings of an EDC whose wallet is `wallet` and that believes credentials of `issuer` (a DID)."""
    return {
        "edc.participant.id": wallet.did, "edc.participant.context.id": wallet.did, "edc.iam.issuer.id": wallet.did,
        "edc.iam.did.web.use.https": "false", "conformance.tokens": f"{wallet.address}/token",
        "edc.iam.trusted-issuer.space.id": issuer, "edc.iam.credential.revocation.mimetype": "application/json",
    }  # fmt: skip


@contextmanager
def running(
    lib: Path, folder: Path, port: int, *, name: str = EDC, wait: int = 50, more: Mapping[str, str] | None = None,
    beside: Path | None = None,
) -> Iterator[dict[str, str]]:  # fmt: skip
    """EDC in a process of its own; {"management", "control", "root"} are its addresses.

    more: settings besides those of edc.properties, or instead of them; beside: a folder with classes besides the jars.
    """
    ports = {"control": port + 1, "management": port + 2, "protocol": port + 3, "version": port + 5,
             "signaling": port + 6}  # fmt: skip
    text = (HERE / "edc" / "edc.properties").read_text("utf-8")
    for key, value in {"name": name, "port": port, "wait": wait, **ports}.items():
        text = text.replace("{" + key + "}", str(value))
    text += "".join(f"\n{key}={value}" for key, value in (more or {}).items())
    file = folder / f"{name}.properties"
    file.write_text(text, "utf-8")
    base = f"http://localhost:{port + 3}/protocol"
    classes = f"{lib}/*" if beside is None else f"{lib}/*:{beside}"
    command = ["java", "-Xmx300m", f"-Dedc.fs.config={file}", "-cp", classes,
               "org.eclipse.edc.boot.system.runtime.BaseRuntime"]  # fmt: skip
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        until(lambda: b" ready" in (folder / f"{name}.log").read_bytes(), 180)
        until(lambda: _answers(f"{base}/.well-known/dspace-version"), 60)
        yield {"management": f"http://localhost:{port + 2}/management/v3", "root": base,
               "control": f"http://localhost:{port + 1}/control"}  # fmt: skip
    finally:
        process.terminate()
        process.wait(timeout=30)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 200
    except httpx.HTTPError:
        return False


def until(holds: Callable[[], Any], seconds: float = SECONDS) -> Any:
    end = time.monotonic() + seconds
    while not (found := holds()):
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds:.0f} s")
        time.sleep(0.05)
    return found


class Manager:
    """EDC's management API, as far as it is needed."""

    def __init__(self, url: str) -> None:
        self.url, self.client = url, httpx.Client(timeout=30)

    def post(self, path: str, **body: Any) -> Any:
        answer = self.client.post(f"{self.url}/{path}", json={"@context": NAMES, **body})
        if not answer.is_success:
            raise RuntimeError(f"{path}: {answer.status_code} {answer.text[:300]}")
        return answer.json() if answer.content else None

    def get(self, path: str) -> Any:
        return self.client.get(f"{self.url}/{path}").json()

    def at(self, path: str, *states: str) -> dict[str, Any] | None:
        """A process in one of these states, else None."""
        row = self.get(path)
        return row if row["state"] in states else None

    def furnish(self) -> None:
        """One asset that everybody may use."""
        self.post("assets", **{"@id": "asset-1", "@type": "Asset"}, properties={"name": "demo"},
                  dataAddress={"@type": "DataAddress", "type": "HttpData", "baseUrl": "http://localhost/none"})  # fmt: skip
        policy = {"@context": "http://www.w3.org/ns/odrl.jsonld", "@type": "Set", "permission": [{"action": "use"}]}
        self.post("policydefinitions", **{"@id": "policy-1", "@type": "PolicyDefinition"}, policy=policy)
        self.post("contractdefinitions", **{"@id": "cd-1", "@type": "ContractDefinition"}, accessPolicyId="policy-1",
                  contractPolicyId="policy-1", assetsSelector=[])  # fmt: skip


@dataclass(frozen=True)
class Provider:
    """Whom an EDC consumes from: its participant id, and its DSP base."""

    manager: Manager
    id: str
    base: str

    def _named(self) -> dict[str, str]:
        return {"counterPartyId": self.id, "counterPartyAddress": self.base, "protocol": PROTOCOL}

    def datasets(self) -> list[dict[str, Any]]:
        """The datasets of its catalogue, each with its offers under "offers"."""
        found = self.manager.post("catalog/request", **{"@type": "CatalogRequest"}, **self._named())
        return [{**dataset, "offers": _listed(dataset, "hasPolicy")} for dataset in _listed(found, "dataset", "dcat:")]

    def negotiated(self, dataset: str, offer: Mapping[str, Any]) -> dict[str, Any]:
        """The negotiation for an offer as the catalogue has it, once it is over."""
        said = ("@id", "permission", "prohibition", "obligation")
        policy = {bare: value for key, value in offer.items() if (bare := key.removeprefix("odrl:")) in said}
        policy |= {
            "@context": "http://www.w3.org/ns/odrl.jsonld",
            "@type": "Offer",
            "assigner": self.id,
            "target": dataset,
        }
        asked = self.manager.post(
            "contractnegotiations", **{"@type": "ContractRequest"}, **self._named(), policy=policy
        )
        path = f"contractnegotiations/{asked['@id']}"
        return dict(until(lambda: self.manager.at(path, "FINALIZED", "TERMINATED")))

    def transfer(self, contract: str, kind: str, **more: Any) -> str:
        """The id of a transfer asked for."""
        made = self.manager.post("transferprocesses", **{"@type": "TransferRequest"}, **self._named(),
                                 contractId=contract, transferType=kind, **more)  # fmt: skip
        return str(made["@id"])

    def transferred(self, transfer: str, *wanted: str) -> dict[str, Any]:
        """The transfer once it is in one of these states; RuntimeError when it ends otherwise."""
        row = until(lambda: self.manager.at(f"transferprocesses/{transfer}", *wanted, "TERMINATED"))
        if row["state"] not in wanted:
            raise RuntimeError(f"{row['state']}: {row.get('errorDetail')}")
        return dict(row)


def _listed(of: Mapping[str, Any], name: str, prefix: str = "odrl:") -> list[dict[str, Any]]:
    found = of.get(prefix + name, of.get(name, []))
    return found if isinstance(found, list) else [found]
