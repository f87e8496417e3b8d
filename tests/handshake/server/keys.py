"""Prints keys.tsv: handshake keys with the accept values that Python's `hashlib` and `base64` compute, and texts
that are not keys because no 16 bytes encode to them.
usage: python3 tests/handshake/server/keys.py > tests/handshake/server/keys.tsv
"""
import base64
import binascii
import hashlib
import random

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def nonces():
    """The nonce of RFC 6455, nonces with one bit set, with one repeated byte, and random ones."""
    yield b"the sample nonce"
    for bit in range(128):
        yield (1 << bit).to_bytes(16, "big")
    for byte in range(0, 256, 5):
        yield bytes([byte] * 16)
    numbers = random.Random(6455)
    for _ in range(200):
        yield numbers.getrandbits(128).to_bytes(16, "big")


def is_key(text):
    try:
        nonce = base64.b64decode(text, validate=True)
    except binascii.Error:
        return False
    return len(nonce) == 16


def no_keys():
    """Texts that differ from a key by one character, and base64 of other lengths and alphabets."""
    key = base64.b64encode(b"the sample nonce")
    texts = set()
    for at in range(len(key) + 1):
        for character in (b"", b"=", b"-", b"_", b" ", b"B", b"/"):
            texts |= {key[:at] + character + key[at + 1 :], key[:at] + character + key[at:]}
    for length in (0, 1, 15, 17, 18, 19, 32):
        texts |= {base64.b64encode(bytes(length)), base64.urlsafe_b64encode(bytes([0xFB] * length))}
    return sorted(text for text in texts if not is_key(text))


print("nonce\tkey\taccept")
for nonce in nonces():
    key = base64.b64encode(nonce)
    accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
    print(nonce.hex(), key.decode(), accept.decode(), sep="\t")
for text in no_keys():
    print("-", text.decode(), "-", sep="\t")
