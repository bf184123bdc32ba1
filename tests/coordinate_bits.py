"""A reader of coordinates as docs/storage.md says it, in plain Python."""

LENGTHS = [
    *(2, 2, 3, 3, 4, 4, 5, 6, 6, 7, 7, 8, 8, 8, 8, 9, 9, 9, 9),
    *(10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 8, 7),
]


def canonical_codes():
    codes, code = {}, 0
    for length in range(1, 11):
        for symbol, bits in enumerate(LENGTHS):
            if bits == length:
                codes[format(code, f"0{length}b")] = symbol
                code += 1
        code *= 2
    return codes


CODES = canonical_codes()


class Bits:
    def __init__(self, data):
        self.text = "".join(format(byte, "08b") for byte in bytes(data))
        self.at = 0

    def take(self, n):
        self.at += n
        return int(self.text[self.at - n : self.at] or "0", 2)

    def symbol(self):
        code = ""
        while code not in CODES:
            code += self.text[self.at]
            self.at += 1
        return CODES[code]

    def number(self, mean):
        """A difference in zigzag form; None for a number that stays."""
        symbol = self.symbol()
        if symbol == 32:
            return None
        if symbol == 31:
            zeros = 0
            while self.take(1) == 0:
                zeros += 1
            symbol = (1 << zeros) + self.take(zeros) + 30
        low = max(mean.bit_length() - 5, 0)
        return symbol << low | self.take(low)


def numbers_of(data, annotations):
    """The hundredths of an item's annotations, given as (whether a polygon, count)."""
    bits, mean, last, found = Bits(data), [320_000, 8_000], [0, 0], []
    for polygon, n in annotations:
        h = []
        for j in range(n):
            predicted = before = last[j % 2]
            if j >= 2:
                step = h[j - 2] - h[j - 4] if j >= 4 else 0
                step_before = h[j - 4] - h[j - 6] if j >= 6 else 0
                predicted += (26 * step + 7 * step_before) >> 6
                if polygon:
                    left = (n - 2 * (j // 2)) // 2 + 1
                    predicted += (h[j % 2] - before) * (36864 // left) >> 16
            which = int(j >= 2)
            z = bits.number(mean[which])
            if z is None:
                h.append(before)
            else:
                mean[which] += z - (mean[which] >> 3)
                h.append(predicted + (z // 2 if z % 2 == 0 else -(z + 1) // 2))
            last[j % 2] = h[-1]
        found.append(h)
    assert len(bits.text) - bits.at < 8
    return found
