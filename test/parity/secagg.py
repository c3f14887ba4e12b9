"""One masked round of secure aggregation (Bonawitz et al., 2017) with fixed keys, in Python: X25519, HKDF and AES-CTR of `cryptography`,
Shamir over GF(2^8) with tables. site-3 goes after it has sent its shares, before its vector. Prints test/parity/secagg.json:

    python test/parity/secagg.py > test/parity/secagg.json
"""
import functools
import hashlib
import json
import math

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

SITES, GONE, THRESHOLD, SIZE, SESSION = ["site-1", "site-2", "site-3", "site-10"], "site-3", 3, 1003, "train/1"
WEIGHTS = {"site-1": 40, "site-2": 25, "site-3": 60, "site-10": 7}
ABOUT = {"job_id": "j-1", "round": 1}
VERSION = "neuroflare-secagg-1"


def text(value):
    return json.dumps(value, separators=(",", ":"), sort_keys=True)


def made(name, site):
    return hashlib.sha256(f"{name} of {site}".encode()).digest()


def public(secret):
    key = X25519PrivateKey.from_private_bytes(secret).public_key()
    return key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def agree(secret, peer):
    return X25519PrivateKey.from_private_bytes(secret).exchange(X25519PublicKey.from_public_bytes(peer))


def derive(secret, *use):
    return HKDF(hashes.SHA256(), 32, TRANSCRIPT, text([VERSION, *use]).encode()).derive(secret)


def words(key):
    stream = Cipher(algorithms.AES(key), modes.CTR(bytes(16))).encryptor().update(bytes(4 * SIZE))
    return [int.from_bytes(stream[at:at + 4], "little") for at in range(0, len(stream), 4)]


def times(a, b):
    product = 0
    while b:
        product ^= a if b & 1 else 0
        a, b = (a << 1) ^ (0x11B if a & 0x80 else 0), b >> 1
    return product


INVERSE = {a: b for a in range(1, 256) for b in range(1, 256) if times(a, b) == 1}


def shares_of(secret, name):
    rows = [secret] + [made(f"{name} {degree}", "shares") for degree in range(1, THRESHOLD)]
    value = lambda at, byte: functools.reduce(lambda so, row: times(so, at) ^ row[byte], reversed(rows), 0)
    return {at: bytes(value(at, byte) for byte in range(32)) for at in range(1, len(SITES) + 1)}


def rebuild(shares):
    secret = [0] * 32
    for at, share in shares.items():
        factor = 1
        for other in shares:
            factor = times(factor, times(other, INVERSE[other ^ at])) if other != at else factor
        secret = [so ^ times(byte, factor) for so, byte in zip(secret, share)]
    return bytes(secret)


def numbers(site):
    stream = hashlib.shake_256(site.encode()).digest(4 * SIZE)
    return [int.from_bytes(stream[at:at + 4], "little", signed=True) / 2**28 for at in range(0, len(stream), 4)]


MEMBERS = [{"site": site, "weight": WEIGHTS[site], "seal": public(made("seal", site)).hex(), "mask": public(made("mask", site)).hex(),
            "seed": hashlib.sha256(made("seed", site) + SESSION.encode()).hexdigest()} for site in SITES]
TRANSCRIPT = hashlib.sha256(text([VERSION, ABOUT, MEMBERS]).encode()).digest()
LARGEST = max(WEIGHTS.values())
PARTS = {site: WEIGHTS[site] / LARGEST for site in SITES}
SHARE = {site: PARTS[site] / sum(PARTS.values()) for site in SITES}
PLAIN = {site: [math.floor(value * (SHARE[site] * 2**26) + 0.5) for value in numbers(site)] for site in SITES}


def pair(site, other, secret):
    first, second = sorted([site, other], key=SITES.index)
    return words(derive(agree(secret, public(made("mask", other))), "mask", first, second))


masked = {}
for site in SITES:
    vector = [a + b for a, b in zip(PLAIN[site], words(derive(made("seed", site), "own", site)))]
    for other in SITES:
        if other != site:
            sign = 1 if SITES.index(site) < SITES.index(other) else -1
            vector = [a + sign * b for a, b in zip(vector, pair(site, other, made("mask", site)))]
    masked[site] = [value % 2**32 for value in vector]
there = [site for site in SITES if site != GONE]
total = [sum(column) for column in zip(*(masked[site] for site in there))]
holders = {at: share for at, share in shares_of(made("mask", GONE), GONE).items() if SITES[at - 1] != GONE}
rebuilt = rebuild(holders)
for site in there:
    total = [a - b for a, b in zip(total, words(derive(rebuild(dict(list(shares_of(made("seed", site), site).items())[:THRESHOLD])), "own", site)))]
    sign = 1 if SITES.index(site) < SITES.index(GONE) else -1
    total = [a - sign * b for a, b in zip(total, pair(GONE, site, rebuilt))]
total = [(value + 2**31) % 2**32 - 2**31 for value in total]
assert total == [sum(column) for column in zip(*(PLAIN[site] for site in there))]
digest = lambda values: hashlib.sha256(b"".join((value % 2**32).to_bytes(4, "little") for value in values)).hexdigest()
print(json.dumps({
    "transcript": TRANSCRIPT.hex(),
    "seal": derive(agree(made("seal", "site-1"), public(made("seal", "site-2"))), "seal", "site-1", "site-2").hex(),
    "masked": {site: {"first": masked[site][:3], "sha256": digest(masked[site])} for site in SITES},
    "shares": {str(at): share.hex() for at, share in holders.items()},
    "sum": {"first": total[:3], "sha256": digest(total)},
    "mean": [sum(WEIGHTS[site] * numbers(site)[at] for site in there) / sum(WEIGHTS[site] for site in there) for at in range(3)],
}, indent=1))
