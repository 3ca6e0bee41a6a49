"""Makes and drops objects of all sorts; the same ones on every run.  Run by bench/run."""
import random


class Node:
    def __init__(self, key, left, right):
        self.key = key
        self.left = left
        self.right = right


def tree(depth, key):
    if not depth:
        return None
    return Node(key, tree(depth - 1, key * 2), tree(depth - 1, key * 2 + 1))


def total(node):
    return 0 if node is None else node.key + total(node.left) + total(node.right)


def words(pick, count):
    counts = {}
    for _ in range(count):
        word = "w" + str(pick.randrange(3000))
        counts.setdefault(word, []).append(len(word))
    return sorted((len(v), k) for k, v in counts.items())


def parse(text):
    rows = [line.split(",") for line in text.splitlines()]
    return sum(float(cell) for row in rows for cell in row)


def sieve(limit):
    """Work that allocates next to nothing."""
    flags = bytearray([1]) * limit
    for n in range(2, int(limit ** 0.5) + 1):
        if flags[n]:
            flags[n * n::n] = bytes(len(range(n * n, limit, n)))
    count = 0
    for flag in flags:
        if flag:
            count += 1
    return count


def main():
    pick = random.Random(4)
    kept = []
    for turn in range(11):
        kept.append(tree(13, 1))
        text = "\n".join(",".join("%d.%d" % (i, pick.randrange(100)) for i in range(12))
                         for _ in range(1500))
        print(turn, total(kept[-1]), words(pick, 60000)[-1], round(parse(text), 2),
              sieve(2600000))
        if turn % 2:
            kept.clear()


main()
