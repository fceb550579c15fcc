"""XXH64 (seed 0), which digests the samples of a store; slow, for small test data."""

PRIMES = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5
MASK = (1 << 64) - 1


def rotate(value, count):
    return (value << count | value >> (64 - count)) & MASK


def mix(accumulator, lane):
    return rotate((accumulator + lane * PRIMES[1]) & MASK, 31) * PRIMES[0] & MASK


def xxh64(data):
    word = lambda at, size: int.from_bytes(data[at : at + size], "little")
    at = 0
    if len(data) >= 32:
        lanes = [(PRIMES[0] + PRIMES[1]) & MASK, PRIMES[1], 0, -PRIMES[0] & MASK]
        while at + 32 <= len(data):
            lanes = [mix(lane, word(at + 8 * n, 8)) for n, lane in enumerate(lanes)]
            at += 32
        state = sum(rotate(lane, count) for lane, count in zip(lanes, (1, 7, 12, 18))) & MASK
        for lane in lanes:
            state = ((state ^ mix(0, lane)) * PRIMES[0] + PRIMES[3]) & MASK
    else:
        state = PRIMES[4]
    state = (state + len(data)) & MASK
    while at + 8 <= len(data):
        state = (rotate(state ^ mix(0, word(at, 8)), 27) * PRIMES[0] + PRIMES[3]) & MASK
        at += 8
    if at + 4 <= len(data):
        state = (rotate(state ^ (word(at, 4) * PRIMES[0] & MASK), 23) * PRIMES[1] + PRIMES[2]) & MASK
        at += 4
    for byte in data[at:]:
        state = rotate(state ^ (byte * PRIMES[4] & MASK), 11) * PRIMES[0] & MASK
    for shift, prime in ((33, PRIMES[1]), (29, PRIMES[2]), (32, None)):
        state ^= state >> shift
        state = state * prime & MASK if prime else state
    return state
