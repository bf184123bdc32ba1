"""A reader of coordinates as docs/storage.md says it, in plain Python."""

LENGTHS = [
    *(2, 2, 3, 3, 4, 5, 5, 5, 6, 6, 7, 7, 8, 8, 8, 9, 9, 9, 9),
    *(10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 7, 7),
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

    def quotient(self):
        """None for a number that stays."""
        symbol = self.symbol()
        if symbol == 31:
            zeros = 0
            while self.take(1) == 0:
                zeros += 1
            return (1 << zeros) + self.take(zeros) + 30
        return None if symbol == 32 else symbol

    def differences(self, n, mean):
        """In zigzag form; None for a number that stays."""
        found = []
        while len(found) < n:
            low = mean.bit_length() - 5
            quotients = [self.quotient() for _ in range(min(2, n - len(found)))]
            pair = [None if q is None else q << low | self.take(low) for q in quotients]
            mean += sum(z or 0 for z in pair) - (mean >> 2) + 4
            found += pair
        return iter(found)


def numbers_of(data, annotations):
    """The numbers of an item's annotations, given as (whether a polygon, count).

    Those with a negative count are float32 as integers, the others hundredths.
    """
    bits, last, found = Bits(data), [0, 0], []
    others = [[bits.take(32) for _ in range(-n)] for _, n in annotations]
    firsts = bits.differences(sum(min(n, 2) for _, n in annotations if n > 0), 320_000)
    nexts = bits.differences(sum(n - 2 for _, n in annotations if n > 2), 8_000)
    for (polygon, n), float32 in zip(annotations, others, strict=True):
        h = []
        for j in range(n):
            predicted = before = last[j % 2]
            if j >= 2:
                step = h[j - 2] - h[j - 4] if j >= 4 else 0
                step_before = h[j - 4] - h[j - 6] if j >= 6 else 0
                left = (n - 2 * (j // 2)) // 2 + 1
                drawn = (h[j % 2] - before) * (36864 // left) if polygon else 0
                predicted += ((8 * step + step_before) * 4096 + drawn) >> 16
            z = next(firsts if j < 2 else nexts)
            if z is None:
                h.append(before)
            else:
                h.append(predicted + (z // 2 if z % 2 == 0 else -(z + 1) // 2))
            last[j % 2] = h[-1]
        found.append(h + float32)
    assert len(bits.text) - bits.at < 8
    return found
