#!/usr/bin/env python3
"""A verifier of Strongroom receipts, written from docs/spec alone: nothing but Python's standard library.

    verify_receipt.py RECEIPT [NETWORK_ID]     check one receipt; exit code 1 and the failing step when it is refused
    verify_receipt.py --vectors [FOLDER]       check this program against the vectors beside it

It is slow and has no protection against side channels, neither of which matters to a check of public data.
"""

import base64
import binascii
import hashlib
import json
import pathlib
import re
import sys

# ---------------------------------------------------------------------------------------------------------------
# BLAKE3 (the paper, sections 2 and 5), as docs/spec/hashes.md uses it

IV = (0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19)
PERMUTATION = (2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)
CHUNK_START, CHUNK_END, PARENT, ROOT, KEYED, CONTEXT, MATERIAL = 1, 2, 4, 8, 16, 32, 64
MASK = 0xFFFFFFFF


def compress(chaining, words, counter, length, flags):
    s = list(chaining) + list(IV[:4]) + [counter & MASK, counter >> 32, length, flags]

    def g(a, b, c, d, x, y):
        s[a] = (s[a] + s[b] + x) & MASK
        s[d] = ror(s[d] ^ s[a], 16)
        s[c] = (s[c] + s[d]) & MASK
        s[b] = ror(s[b] ^ s[c], 12)
        s[a] = (s[a] + s[b] + y) & MASK
        s[d] = ror(s[d] ^ s[a], 8)
        s[c] = (s[c] + s[d]) & MASK
        s[b] = ror(s[b] ^ s[c], 7)

    m = list(words)
    for _ in range(7):
        g(0, 4, 8, 12, m[0], m[1])
        g(1, 5, 9, 13, m[2], m[3])
        g(2, 6, 10, 14, m[4], m[5])
        g(3, 7, 11, 15, m[6], m[7])
        g(0, 5, 10, 15, m[8], m[9])
        g(1, 6, 11, 12, m[10], m[11])
        g(2, 7, 8, 13, m[12], m[13])
        g(3, 4, 9, 14, m[14], m[15])
        m = [m[i] for i in PERMUTATION]
    return [s[i] ^ s[i + 8] for i in range(8)]


def ror(x, n):
    return (x >> n | x << (32 - n)) & MASK


def words_of(block):
    block = block.ljust(64, b"\0")
    return [int.from_bytes(block[i : i + 4], "little") for i in range(0, 64, 4)]


def blake3_node(key, data, chunk, flags):
    """(chaining value, words, counter, length, flags) of the last compression over data, which begins at a chunk."""
    if len(data) <= 1024:
        chaining, blocks = key, [data[i : i + 64] for i in range(0, len(data), 64)] or [b""]
        for number, block in enumerate(blocks):
            f = flags | (CHUNK_START if number == 0 else 0) | (CHUNK_END if number == len(blocks) - 1 else 0)
            if number == len(blocks) - 1:
                return chaining, words_of(block), chunk, len(block), f
            chaining = compress(chaining, words_of(block), chunk, 64, f)
    left = 1024
    while left * 2 < len(data):
        left *= 2
    a = compress(*blake3_node(key, data[:left], chunk, flags))
    b = compress(*blake3_node(key, data[left:], chunk + left // 1024, flags))
    return key, a + b, 0, 64, flags | PARENT


def blake3(data, key=IV, flags=0):
    chaining, words, _, length, f = blake3_node(key, data, 0, flags)
    return b"".join(w.to_bytes(4, "little") for w in compress(chaining, words, 0, length, f | ROOT))


def key_words(key):
    return tuple(int.from_bytes(key[i : i + 4], "little") for i in range(0, 32, 4))


def H(domain, data):
    context = ("strongroom 2026 v1 " + domain).encode()
    return blake3(data, key_words(blake3(context, IV, CONTEXT)), MATERIAL)


def K(domain):
    return H(domain, b"")


def KH(domain, data):
    return blake3(data, key_words(K(domain)), KEYED)


# ---------------------------------------------------------------------------------------------------------------
# Ed25519 (RFC 8032), strict (docs/spec/certificate.md)

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)


def point_add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def point_mul(s, p):
    q = (0, 1, 1, 0)
    while s:
        if s & 1:
            q = point_add(q, p)
        p = point_add(p, p)
        s >>= 1
    return q


def point_equal(p, q):
    return (p[0] * q[2] - q[0] * p[2]) % P == 0 and (p[1] * q[2] - q[1] * p[2]) % P == 0


def point_of(data):
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    if y >= P:
        return None
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P != 0:
        x = x * SQRT_M1 % P
    if (x * x - x2) % P != 0 or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return (x, y, 1, x * y % P)


BASE = point_of((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))
IDENTITY = (0, 1, 1, 0)


def ed25519(public, signature, message):
    a, r, s = point_of(public), point_of(signature[:32]), int.from_bytes(signature[32:], "little")
    if len(signature) != 64 or a is None or r is None or s >= L:
        return False
    if point_equal(point_mul(8, a), IDENTITY) or point_equal(point_mul(8, r), IDENTITY):
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % L
    return point_equal(point_mul(s, BASE), point_add(r, point_mul(k, a)))


# ---------------------------------------------------------------------------------------------------------------
# Trees (docs/spec/hashes.md, snapshot-log.md, state-proof.md)


def climb(index, size):
    """For each sibling on the way up, whether it stands on the left."""
    last, sides = size - 1, []
    while last > 0:
        if index & 1:
            sides.append(True)
        elif index < last:
            sides.append(False)
        index, last = index >> 1, last >> 1
    return sides


def log_leaf(data):
    return hashlib.sha256(b"\0" + data).digest()


def log_node(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


def path_root(node, leaf, sides, path):
    for left, sibling in zip(sides, path):
        leaf = node(sibling, leaf) if left else node(leaf, sibling)
    return leaf


def consistent(old, old_root, new, new_root, path):
    if old > new:
        return False
    if old == 0 or old == new:
        return not path and old_root == (hashlib.sha256().digest() if old == 0 else new_root)
    i, last, path = old - 1, new - 1, list(path)
    while i & 1:
        i, last = i >> 1, last >> 1
    if i and not path:
        return False
    a = b = path.pop(0) if i else old_root
    while last > 0:
        if i & 1 or i < last:
            if not path:
                return False
            c = path.pop(0)
            a, b = (log_node(c, a), log_node(c, b)) if i & 1 else (a, log_node(b, c))
        i, last = i >> 1, last >> 1
    return not path and a == old_root and b == new_root


def tree_root(count, top):
    return KH("tree root", count.to_bytes(8, "little") + top)


def tree_holds(root, data, index, count, path):
    sides = climb(index, count)
    if index >= count or len(sides) != len(path):
        return False
    top = path_root(lambda l, r: KH("tree node", l + r), KH("tree leaf", data), sides, path)
    return tree_root(count, top) == root


EMPTY = b"SPARSE_MERKLE_PLACEHOLDER_HASH__"


def state_leaf(pair):
    return KH("state tree", b"JMT::LeafNode" + pair)


def state_inner(pair):
    return KH("state tree", b"JMT::IntrnalNode" + pair)


def state_holds(root, key, value, proof):
    place, at = H("state key", key), 0

    def take(count):
        nonlocal at
        at += count
        if at > len(proof):
            raise ValueError
        return proof[at - count : at]

    try:
        tag, leaf = take(1)[0], None
        if tag > 1:
            return False
        if tag == 1:
            leaf = take(64)
        count = int.from_bytes(take(4), "little")
        if count > 256:
            return False
        siblings = []
        for _ in range(count):
            tag = take(1)[0]
            if tag > 2:
                return False
            siblings.append(EMPTY if tag == 0 else state_inner(take(64)) if tag == 1 else state_leaf(take(64)))
    except ValueError:
        return False
    if at != len(proof):
        return False
    bits = int.from_bytes(place, "big")
    if value is not None:
        if leaf is None or leaf[:32] != place or leaf[32:] != KH("state tree", value):
            return False
    elif leaf is not None:
        if leaf[:32] == place or (bits ^ int.from_bytes(leaf[:32], "big")) >> (256 - count):
            return False
    h = EMPTY if leaf is None else state_leaf(leaf)
    for number, sibling in enumerate(siblings):
        right = bits >> (255 - (count - 1 - number)) & 1
        h = state_inner(sibling + h if right else h + sibling)
    return h == root


# ---------------------------------------------------------------------------------------------------------------
# The receipt (docs/spec/receipt.md)


class Refused(Exception):
    def __init__(self, step, expected="", found=""):
        super().__init__(f"{step}: expected {expected}, found {found}")
        self.step = step


def need(condition, step, expected="", found=""):
    if not condition:
        raise Refused(step, expected, found)


def hex_of(length):
    def read(value):
        good = isinstance(value, str) and re.fullmatch("0x[0-9a-f]{%d}" % (2 * length), value)
        need(good, "format", f"hex of {length} bytes", value)
        return bytes.fromhex(value[2:])

    return read


def u64(value):
    good = isinstance(value, str) and re.fullmatch("0|[1-9][0-9]{0,19}", value, re.ASCII) and int(value) < 2**64
    need(good, "format", "a u64 in decimal", value)
    return int(value).to_bytes(8, "little")


def small(length):
    def read(value):
        good = type(value) is int and 0 <= value < 256**length
        need(good, "format", f"a number of {length} bytes", value)
        return value.to_bytes(length, "little")

    return read


def string(value):
    need(isinstance(value, str), "format", "a string", value)
    data = value.encode()
    return compact(len(data)) + data


def policy(value):
    match = isinstance(value, str) and re.fullmatch("([1-9][0-9]?)\\+(0|[1-9][0-9]?)", value, re.ASCII)
    need(match and int(match[1]) <= 64 and int(match[2]) <= 64, "format", "a policy", value)
    return bytes([int(match[1]), int(match[2])])


def compact(n):
    return bytes([n << 2]) if n < 64 else (n << 2 | 1).to_bytes(2, "little")


h32 = hex_of(32)
GENESIS = dict(version=small(1), name=string, chainId=u64, timestamp=u64, validators=h32, params=h32, state=h32)
COMMITMENT = dict(
    version=small(1), vault=h32, seq=u64, prev=h32, contentRoot=h32, manifest=h32, packsRoot=h32, packs=small(4),
    files=u64, logicalBytes=u64, storedBytes=u64, policy=policy, retainUntil=u64, takenAt=u64,
)
HEADER = dict(
    version=small(1), chainId=u64, height=u64, parent=h32, timestamp=u64, proposer=h32, transactionsRoot=h32,
    receiptsRoot=h32, stateRoot=h32, logSize=u64, logRoot=h32, validators=h32, nextValidators=h32, params=h32,
)


def members(value, names, optional=()):
    need(isinstance(value, dict), "format", "an object", value)
    missing, surplus = set(names) - set(value) - set(optional), set(value) - set(names)
    need(not missing and not surplus, "format", "exactly the members of the format", sorted(missing | surplus))
    return value


def items(value):
    need(isinstance(value, list), "format", "a list", value)
    return value


class Record:
    """An object with a SCALE encoding: its fields as bytes by name, and all of them."""

    def __init__(self, value, form):
        members(value, form)
        self.fields = {name: read(value[name]) for name, read in form.items()}
        self.scale = b"".join(self.fields.values())

    def __getitem__(self, name):
        return self.fields[name]

    def number(self, name):
        return int.from_bytes(self.fields[name], "little")


class Validators:
    def __init__(self, value):
        self.power, scale, last = {}, b"", b""
        for member in items(value):
            members(member, ("key", "power"))
            key, power = h32(member["key"]), u64(member["power"])
            need(key > last or not self.power, "format", "keys strictly ascending", member["key"])
            need(any(power), "format", "a power of at least 1", member["power"])
            self.power[key], scale, last = int.from_bytes(power, "little"), scale + key + power, key
        need(1 <= len(self.power) <= 256 and sum(self.power.values()) < 2**63, "format", "a validator set")
        self.scale = compact(len(self.power)) + scale
        self.hash = H("validators", self.scale)


class Certificate:
    def __init__(self, value):
        members(value, ("height", "round", "block", "signatures"))
        self.height, self.round, self.block = u64(value["height"]), small(4)(value["round"]), h32(value["block"])
        self.signatures = []
        for member in items(value["signatures"]):
            members(member, ("validator", "signature"))
            self.signatures.append((h32(member["validator"]), hex_of(64)(member["signature"])))


def once(pairs):
    need(len({name for name, _ in pairs}) == len(pairs), "format", "each member once")
    return dict(pairs)


def refuse(text):
    raise Refused("format", "a JSON number as the format asks for", text)


def parse(data):
    need(len(data) <= 8 * 1024 * 1024, "format", "at most 8 MiB", len(data))
    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=once, parse_float=refuse, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise Refused("format", "JSON", error) from None
    need(isinstance(value, dict) and value.get("type") == "strongroom receipt", "format", "a receipt")
    small(4)(value.get("version"))
    need(value["version"] == 1, "version", 1, value["version"])
    members(
        value,
        ("type", "version", "network", "commitment", "leafIndex", "path", "checkpoint", "header", "certificate", "handovers"),
        optional=("checkpoint",),
    )
    members(value["network"], ("id", "genesis", "validators"))
    return value


def verify(data, trusted=None):
    value = parse(data)
    network, genesis = h32(value["network"]["id"]), Record(value["network"]["genesis"], GENESIS)
    name = value["network"]["genesis"]["name"]
    in_charge = Validators(value["network"]["validators"])
    commitment, index = Record(value["commitment"], COMMITMENT), int.from_bytes(u64(value["leafIndex"]), "little")
    path = [h32(hash) for hash in items(value["path"])]
    need(isinstance(value.get("checkpoint", ""), str), "format", "a string")
    header, certificate = Record(value["header"], HEADER), Certificate(value["certificate"])
    need(len(items(value["handovers"])) <= 4096, "format", "at most 4096 hand-overs")
    handovers = []
    for handover in value["handovers"]:
        members(handover, ("header", "certificate", "validators"))
        parts = Record(handover["header"], HEADER), Certificate(handover["certificate"])
        handovers.append((*parts, Validators(handover["validators"])))

    need(genesis.number("version") == 1, "network.id", "genesis version 1", genesis.number("version"))
    control = any(ord(c) < 32 or 127 <= ord(c) < 160 for c in name)
    need(1 <= len(name.encode()) <= 64 and not control, "network.id", "a name", name)
    id = H("genesis", genesis.scale)
    need(id == network, "network.id", id.hex(), network.hex())
    need(trusted is None or trusted == id, "network.trusted", trusted and trusted.hex(), id.hex())
    need(in_charge.hash == genesis["validators"], "network.validators", genesis["validators"].hex(), in_charge.hash.hex())

    height = 0
    for number, (between, signed, following) in enumerate(handovers):
        try:
            check_block(id, genesis, between, signed, in_charge, height)
            need(following.hash == between["nextValidators"], "nextValidators")
        except Refused as refused:
            refused.step = f"handovers[{number}].{refused.step}"
            raise
        in_charge, height = following, between.number("height")
    check_block(id, genesis, header, certificate, in_charge, height)

    need(commitment.number("version") == 1, "commitment.version", 1, commitment.number("version"))
    size = header.number("logSize")
    need(index < size, "inclusion.index", f"below {size}", index)
    sides = climb(index, size)
    need(len(sides) == len(path), "inclusion.length", len(sides), len(path))
    root = path_root(log_node, log_leaf(commitment.scale), sides, path)
    need(root == header["logRoot"], "inclusion.root", header["logRoot"].hex(), root.hex())
    if "checkpoint" in value:
        check_checkpoint(id, header, in_charge, value["checkpoint"])
    return f"vault {commitment['vault'].hex()}, snapshot {commitment.number('seq')}: leaf {index} of {size}, final at height " \
        f"{header.number('height')} of network {name} ({id.hex()})"


def check_block(network, genesis, header, certificate, validators, after):
    need(header.number("version") == 1, "header.version", 1, header.number("version"))
    need(header["chainId"] == genesis["chainId"], "header.chainId", genesis.number("chainId"), header.number("chainId"))
    need(header.number("height") > after, "header.height", f"above {after}", header.number("height"))
    need(header["validators"] == validators.hash, "header.validators", validators.hash.hex(), header["validators"].hex())
    need(certificate.height == header["height"], "certificate.height")
    block = H("header", header.scale)
    need(certificate.block == block, "certificate.block", block.hex(), certificate.block.hex())
    last, power = b"", 0
    for key, signature in certificate.signatures:
        need(key > last or not last, "certificate.order", "ascending", key.hex())
        need(key in validators.power, "certificate.signer", "a member", key.hex())
        message = b"strongroom/v1/precommit\n" + network + certificate.height + certificate.round + block + key
        need(ed25519(key, signature, message), "certificate.signature", "a valid one", key.hex())
        last, power = key, power + validators.power[key]
    total = sum(validators.power.values())
    need(3 * power > 2 * total, "certificate.quorum", f"more than two thirds of {total}", power)


def check_checkpoint(network, header, validators, note):
    origin = "strongroom/" + network.hex()
    root = base64.b64encode(header["logRoot"]).decode()
    text = f"{origin}\n{header.number('logSize')}\n{root}\n"
    need(note.startswith(text), "checkpoint.text", text, note)
    rest = note[len(text) :]
    if not rest:
        return
    need(rest.startswith("\n") and rest.endswith("\n") and len(rest) > 1, "checkpoint.text", text, note)
    seconds, seen = header.number("timestamp") // 1000, set()

    def key_id(name, kind, key):
        return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + key).digest()[:4]

    for number, line in enumerate(rest[1:-1].split("\n")):
        match = re.fullmatch("\u2014 ([^ \n]+) ([A-Za-z0-9+/]+={0,2})", line)
        need(match and number < 512, "checkpoint.line", "a signature line", line)
        try:
            data = base64.b64decode(match[2], validate=True)
        except binascii.Error:
            data = b""
        need(base64.b64encode(data).decode() == match[2] and len(data) >= 4, "checkpoint.line", "canonical base64", line)
        signer = None
        for key in validators.power:
            for kind, name in ((1, origin), (4, f"{origin}/{key.hex()[:16]}")):
                if match[1] == name and data[:4] == key_id(name, kind, key):
                    signer = signer or (kind, key)
        need(signer and signer not in seen, "checkpoint.signer", "a validator, once", match[1])
        seen.add(signer)
        kind, key = signer
        message, signature = text.encode(), data[4:]
        if kind == 4:
            need(len(data) >= 12, "checkpoint.signature")
            time, signature = int.from_bytes(data[4:12], "big"), data[12:]
            need(time == seconds, "checkpoint.time", seconds, time)
            message = f"cosignature/v1\ntime {seconds}\n{text}".encode()
        need(len(signature) == 64 and ed25519(key, signature, message), "checkpoint.signature", "a valid one", match[1])


# ---------------------------------------------------------------------------------------------------------------


def verdict(data, trusted):
    try:
        verify(data, trusted)
    except Refused as refused:
        return refused.step
    return "holds"


def check_vectors(folder):
    def load(name):
        return json.loads((folder / name).read_text())

    def raw(text):
        return bytes.fromhex(text[2:])

    def rows(values):
        return [raw(value) for value in values]

    count = 0

    def same(what, expected, found):
        nonlocal count
        count += 1
        if expected != found:
            sys.exit(f"{what}: expected {expected}, found {found}")

    for row in load("verify-domains.json"):
        domain = row["context"].removeprefix("strongroom 2026 v1 ")
        same(row["name"], (raw(row["key"]), raw(row["hashOfAbc"])), (K(domain), H(domain, b"abc")))
        same(row["name"], raw(row["hashOfPattern"]), H(domain, bytes(i % 251 for i in range(5000))))

    records = load("verify-records.json")
    genesis = records["genesis"]
    same("genesis", raw(genesis["scale"]), Record(genesis["json"], GENESIS).scale)
    same("network", raw(genesis["network"]), H("genesis", raw(genesis["scale"])))
    same("genesis state", raw(genesis["state"]), H("genesis state", raw(genesis["stateDescription"])))
    validators = Validators(records["validators"]["json"])
    same("validators", (raw(records["validators"]["scale"]), raw(records["validators"]["hash"])), (validators.scale, validators.hash))
    commitment = Record(records["commitment"]["json"], COMMITMENT)
    same("commitment", raw(records["commitment"]["scale"]), commitment.scale)
    same("commitment hash", raw(records["commitment"]["hash"]), H("commitment", commitment.scale))
    same("commitment leaf", raw(records["commitment"]["leaf"]), log_leaf(commitment.scale))
    header = Record(records["header"]["json"], HEADER)
    same("header", (raw(records["header"]["scale"]), raw(records["header"]["hash"])), (header.scale, H("header", header.scale)))
    for precommit in records["certificate"]["precommits"]:
        good = ed25519(raw(precommit["validator"]), raw(precommit["signature"]), raw(precommit["message"]))
        same("precommit", True, good)
    check_checkpoint(raw(genesis["network"]), header, validators, records["checkpoint"]["note"])

    for row in load("merkle-tree.json"):
        leaves, root = rows(row["leaves"]), raw(row["root"])
        if not leaves:
            same("empty tree", root, tree_root(0, bytes(32)))
        for index, (leaf, path) in enumerate(zip(leaves, row["proofs"])):
            same("tree", True, tree_holds(root, leaf, index, len(leaves), rows(path)))
            same("tree, other leaf", False, tree_holds(root, leaf + b"x", index, len(leaves), rows(path)))
            same("tree, longer", False, tree_holds(root, leaf, index, len(leaves), rows(path) + [bytes(32)]))

    log = load("merkle-log.json")
    roots, leaves = rows(log["rootsBySize"]), rows(log["leaves"])
    same("leaf hashes", rows(log["leafHashes"]), [log_leaf(leaf) for leaf in leaves])
    for row in log["inclusion"]:
        sides, path = climb(row["leaf"], row["size"]), rows(row["path"])
        same("path length", len(sides), len(path))
        same("inclusion", roots[row["size"]], path_root(log_node, log_leaf(leaves[row["leaf"]]), sides, path))
    for row in log["consistency"]:
        old, new, path = row["old"], row["new"], rows(row["path"])
        same("consistency", True, consistent(old, roots[old], new, roots[new], path))
        same("consistency, longer", False, consistent(old, roots[old], new, roots[new], path + [bytes(32)]))

    state = load("merkle-state.json")
    same("empty state", EMPTY, raw(state["emptyRoot"]))
    for row in state["keyHashes"]:
        same("key hash", raw(row["keyHash"]), H("state key", raw(row["key"])))
    for version in state["versions"]:
        for row in version["proofs"]:
            key, proof = raw(row["key"]), raw(row["proof"])
            value = raw(row["value"]) if row["value"] is not None else None
            same("state proof", True, state_holds(raw(version["root"]), key, value, proof))
            same("state proof, other value", False, state_holds(raw(version["root"]), key, b"never", proof))
            same("state proof, longer", False, state_holds(raw(version["root"]), key, value, proof + b"\0"))

    for name in ("verify-receipt-plain.json", "verify-receipt-full.json"):
        same(name, "holds", verdict((folder / name).read_bytes(), None))
    for case in load("verify-receipt-invalid.json"):
        base, at = (folder / case["base"]).read_bytes(), case["at"]
        remove, insert = case["remove"].encode(), case["insert"].encode()
        same(case["name"], remove, base[at : at + len(remove)])
        trusted = raw(case["trustedNetwork"]) if case["trustedNetwork"] else None
        same(case["name"], case["step"], verdict(base[:at] + insert + base[at + len(remove) :], trusted))
    print(f"{count} checks hold")


def main(arguments):
    if arguments[:1] == ["--vectors"]:
        return check_vectors(pathlib.Path(arguments[1]) if arguments[1:] else pathlib.Path(__file__).parent / "vectors")
    if len(arguments) not in (1, 2):
        sys.exit(__doc__)
    trusted = bytes.fromhex(arguments[1].removeprefix("0x")) if arguments[1:] else None
    try:
        print(verify(pathlib.Path(arguments[0]).read_bytes(), trusted))
    except Refused as refused:
        sys.exit(f"refused at step {refused.step}: {refused}")


if __name__ == "__main__":
    main(sys.argv[1:])
