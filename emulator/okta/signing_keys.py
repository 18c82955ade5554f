"""The RSA key of each company's Okta, with which it signs, and its public half as a JWKS."""

from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from emulator.ids import okta_id
from emulator.okta.records import Records

Json = dict[str, Any]
ALGORITHM = "RS256"
EXPONENT = 65537
BITS = 2048


def generate() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(EXPONENT, BITS)


def of_company(records: Records, company_id: str) -> tuple[str, rsa.RSAPrivateKey]:
    """Its key id and its key, made when it is first asked for. Raises OktaRefusedError."""
    records.company(company_id)
    row = records.store.row("select * from signing_keys where company_id = ?", company_id)
    if row is None:
        pem = generate().private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        records.store.run(
            "insert or ignore into signing_keys values (?, ?, ?)",
            company_id,
            okta_id("key"),
            pem.decode(),
        )
        row = records.store.one("select * from signing_keys where company_id = ?", company_id)
    key = serialization.load_pem_private_key(row["pem"].encode(), None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError("Okta signs with RSA.")
    return row["kid"], key


def published(records: Records, company_id: str) -> Json:
    """What the key address answers."""
    kid, key = of_company(records, company_id)
    written = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    named = {"kid": kid, "alg": ALGORITHM, "use": "sig", "status": "ACTIVE"}
    public = {name: written[name] for name in ("kty", "n", "e")}
    return {"keys": [public | named]}
