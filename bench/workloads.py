"""The real programs that bench/run measures: what each needs, how its input is made, what it
must answer.  Everything generated is the same on every machine and lies in build/bench."""
import functools
import hashlib
import itertools
import os
import random
import selectors
import shutil
import socket
import subprocess
import time
import zlib


def own_version():
    with open(__file__, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()[:8]


VERSION = own_version()


class WorkloadError(Exception):
    """The program did not do what it was asked."""


class Workload:
    """One program.  `stdin` is a path or None; drive() talks to it while it runs."""
    name = ""
    program = ""
    stdin = None

    def __init__(self, top, data):
        self.top = top
        self.data = data

    def lacks(self):
        """What is missing to run it, or None."""
        return None if shutil.which(self.program) else self.program

    def prepare(self):
        """Makes the input files that are not there yet."""

    def version(self):
        return [self.program, "--version"]

    def env(self):
        """Nothing of the caller's surroundings that changes what the program does."""
        return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "HOME": "/tmp", "LC_ALL": "C"}

    def command(self, scratch):
        raise NotImplementedError

    def drive(self, scratch):
        """Does nothing for programs that end by themselves."""

    def answer(self, scratch, out):
        """The bytes that must be equal under every variant."""
        with open(out, "rb") as file:
            return file.read()

    def file(self, name, make):
        """Path of a generated file, of this version of the generators; made under another
        name first, so never half there."""
        path = os.path.join(self.data, VERSION + "-" + name)
        if not os.path.exists(path):
            with open(path + ".new", "w") as file:
                make(file)
            os.rename(path + ".new", path)
        return path


def connect(path):
    """A connection to the Unix socket that the program makes when it has started."""
    for _ in range(600):
        client = socket.socket(socket.AF_UNIX)
        try:
            client.connect(path)
            return client
        except OSError:
            client.close()
            time.sleep(0.05)
    raise WorkloadError("nobody answers at " + path)


class Sqlite(Workload):
    """Statements are parsed, planned and run over tables in memory."""
    name = "sqlite"
    program = "sqlite3"

    def prepare(self):
        self.stdin = self.file("sqlite.sql", self.script)

    @staticmethod
    def script(file):
        pick = random.Random(1)
        file.write("CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, price REAL, kind INT);\n"
                   "CREATE INDEX item_kind ON item (kind, price);\nBEGIN;\n")
        for i in range(40000):
            file.write("INSERT INTO item VALUES (%d, 'item %d %s', %.2f, %d);\n" % (
                i, i, "x" * pick.randrange(60), pick.random() * 1000, pick.randrange(50)))
        file.write("COMMIT;\n")
        for _ in range(13000):
            kind, low = pick.randrange(50), pick.randrange(900)
            file.write("SELECT group_concat(upper(name), '|') FROM (SELECT name FROM item WHERE"
                       " kind = %d AND price BETWEEN %d AND %d ORDER BY name LIMIT 20);\n" % (
                           kind, low, low + 60))
        for factor in range(3, 42, 2):
            file.write("SELECT a.kind, count(DISTINCT b.kind * 1000 + b.id %% 1000), sum(a.price)"
                       " FROM item a JOIN item b ON b.id = a.id * %d %% 40000 GROUP BY a.kind;\n"
                       % factor)

    def command(self, scratch):
        return [self.program, "-batch", "-init", "/dev/null", ":memory:"]


class Redis(Workload):
    """The server takes commands through a pipe of one client and shuts down; only it is
    measured."""
    name = "redis"
    program = "redis-server"

    def prepare(self):
        self.load = self.file("redis.txt", self.commands)

    @staticmethod
    def commands(file):
        pick = random.Random(2)
        for i in range(500000):
            key = pick.randrange(60000)
            size = pick.randrange(8, 400)
            file.write((
                "SET key:%d %s\r\n" % (key, "v" * size),
                "LPUSH list:%d %s\r\n" % (key % 3000, "e" * (size // 4)),
                "HSET hash:%d field:%d %s\r\n" % (key % 2000, i % 40, "h" * (size // 4)),
                "GET key:%d\r\n" % key,
                "DEL key:%d\r\n" % pick.randrange(60000),
                "LPOP list:%d\r\n" % (key % 3000),
                "ZADD zset:%d %d member:%d\r\n" % (key % 500, i, key),
            )[i % 7])

    def command(self, scratch):
        return [self.program, "--port", "0", "--unixsocket", os.path.join(scratch, "redis.sock"),
                "--save", "", "--appendonly", "no", "--daemonize", "no", "--loglevel", "warning",
                "--activedefrag", "no", "--hz", "10", "--dir", scratch]

    def drive(self, scratch):
        client = connect(os.path.join(scratch, "redis.sock"))
        with client:
            self.exchange(client)
            client.settimeout(30)
            client.sendall(b"SHUTDOWN NOSAVE\r\n")
            while client.recv(65536):
                pass

    def exchange(self, client):
        """Sends in pieces small enough that neither side's buffer fills up, and counts the
        replies of each.  The file is not held in memory: a child's max RSS starts at ours."""
        with open(self.load, "rb") as file:
            while True:
                piece = list(itertools.islice(file, 200))
                if not piece:
                    return
                client.sendall(b"".join(piece))
                self.await_replies(client, len(piece))

    @staticmethod
    def await_replies(client, count):
        """A GET's value follows its length on a line of its own."""
        pending = b""
        while count:
            data = client.recv(262144)
            if not data:
                raise WorkloadError("redis-server closed the connection")
            pending += data
            lines = pending.split(b"\r\n")
            used, i = 0, 0
            while i < len(lines) - 1 and count:
                line = lines[i]
                if line.startswith(b"-"):
                    raise WorkloadError("redis-server: " + line.decode())
                bulk = line.startswith(b"$") and line != b"$-1"
                if bulk and i + 1 >= len(lines) - 1:
                    break
                used += len(line) + 2 + (len(lines[i + 1]) + 2 if bulk else 0)
                i += 2 if bulk else 1
                count -= 1
            pending = pending[used:]

    def answer(self, scratch, out):
        return b""


class Python(Workload):
    """Every object goes through malloc; Debian's interpreter, so that figures compare."""
    name = "python"
    program = "/usr/bin/python3"

    def env(self):
        return dict(super().env(), PYTHONMALLOC="malloc", PYTHONHASHSEED="0",
                    PYTHONDONTWRITEBYTECODE="1")

    def command(self, scratch):
        # Not -I or -E: they would ignore PYTHONMALLOC.
        return [self.program, "-S", os.path.join(self.top, "bench/objects.py")]


FUNCTIONS = 75


class Cc1(Workload):
    """The C compiler proper, optimising one generated file."""
    name = "cc1"
    program = "gcc"

    def prepare(self):
        self.source = self.file("cc1.i", self.generate)

    def compiler(self):
        done = subprocess.run(["gcc", "-print-prog-name=cc1"], stdout=subprocess.PIPE, check=True)
        return done.stdout.decode().strip()

    @staticmethod
    def case(number, pick):
        step, turn, factor = pick.randrange(1, 5), pick.randrange(64), pick.randrange(1, 999)
        return ("\tcase %d:\n"
                "\t\tfor (int k = 0; k < b; k += %d)\n"
                "\t\t\ta[k & 63] ^= a[(k + %d) & 63] * %d + b;\n"
                "\t\tsum += n->weight > %d ? a[%d] : sink(a[%d]);\n"
                "\t\tbreak;\n") % (number, step, turn, factor, pick.randrange(99),
                                    pick.randrange(64), pick.randrange(64))

    @classmethod
    def generate(cls, file):
        pick = random.Random(3)
        file.write("struct node { struct node *next; int key; double weight; };\n"
                   "extern int sink(int);\nextern struct node *more(int);\n")
        for i in range(FUNCTIONS):
            cases = [cls.case(c, pick) for c in range(pick.randrange(4, 10))]
            file.write("int f%d(struct node *n, int b)\n{\n\tint a[64] = { %d }, sum = 0;\n\n"
                       "\tfor (; n; n = n->next)\n\tswitch (n->key %% %d) {\n%s"
                       "\tdefault:\n\t\tsum -= sink((int)(more(b) - n) + a[b & 63]);\n"
                       "\t}\n\treturn sum;\n}\n" % (
                           i, pick.randrange(9), pick.randrange(11, 19), "".join(cases)))

    def command(self, scratch):
        return [self.compiler(), "-quiet", "-O2", self.source, "-o",
                os.path.join(scratch, "cc1.s")]

    def answer(self, scratch, out):
        with open(os.path.join(scratch, "cc1.s"), "rb") as file:
            return file.read()


class Mono(Workload):
    """The reference case: a managed client that calls a COM server and loses BSTRs."""
    name = "mono"
    program = "mono"

    def client(self):
        return os.path.join(self.top, "examples/com-interop/build/mono/before.exe")

    def lacks(self):
        if not os.path.exists(self.client()):
            return "examples/com-interop/build/mono/before.exe"
        return super().lacks()

    def command(self, scratch):
        return [self.program, self.client(), "--calls", "3000000", "--pace", "0"]

    def answer(self, scratch, out):
        return b""


@functools.cache
def dotnet_lists(what):
    """The lines of `dotnet --list-sdks` or `--list-runtimes`."""
    try:
        done = subprocess.run(["dotnet", what], stdout=subprocess.PIPE, check=True)
        return done.stdout.decode().splitlines()
    except (OSError, subprocess.CalledProcessError):
        return []


class Dotnet(Workload):
    """The reference case through source-generated COM: the stub and the server allocate one
    string each per call, and one of the two is lost."""
    name = "dotnet"
    program = "dotnet"
    framework = "Microsoft.NETCore.App"

    def lacks(self):
        if not os.path.exists(self.client()):
            return os.path.relpath(self.client(), self.top)
        return self.lacks_framework()

    def lacks_framework(self):
        if any(line.startswith(self.framework + " 10.")
               for line in dotnet_lists("--list-runtimes")):
            return None
        return "%s 10 (in dotnet --list-runtimes)" % self.framework

    def client(self):
        return os.path.join(self.top, "examples/com-interop/build/dotnet/before-com")

    def env(self):
        """Programs look for the runtime where DOTNET_ROOT says, if anything does."""
        root = {k: v for k, v in os.environ.items() if k == "DOTNET_ROOT"}
        return dict(super().env(), **root)

    def command(self, scratch):
        return [self.client(), "--calls", "5000000", "--pace", "0"]


class DotnetBuilt(Dotnet):
    """A program below bench/dotnet, built here: the SDK alone is needed, no package."""
    source = ""

    def lacks(self):
        if not any(line.startswith("10.") for line in dotnet_lists("--list-sdks")):
            return "dotnet (the SDK of .NET 10)"
        return self.lacks_framework()

    def built(self):
        return os.path.join(self.data, "dotnet/")

    def prepare(self):
        """Asks nothing of the network, and leaves no build server running."""
        env = dict(os.environ, DOTNET_CLI_TELEMETRY_OPTOUT="1", DOTNET_NOLOGO="1",
                   DOTNET_SKIP_FIRST_TIME_EXPERIENCE="1")
        done = subprocess.run(
            ["dotnet", "build", "%s/bench/dotnet/%s" % (self.top, self.source), "-v:q", "-nologo",
             "-nodeReuse:false", "-p:UseSharedCompilation=false", "-p:Built=" + self.built()],
            env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if done.returncode:
            raise WorkloadError("bench/dotnet/%s does not build: %s" % (
                self.source, done.stdout.decode(errors="replace")[-2000:]))

    def command(self, scratch):
        return [self.built() + self.source]


class DotnetWork(DotnetBuilt):
    """JSON, regular expressions and compression; its checksum is what it must answer."""
    name = "dotnet-work"
    source = "work"


class DotnetHttp(DotnetBuilt):
    """Kestrel answers JSON on a Unix socket to clients that keep their connections and send
    several requests at once; only the server is measured."""
    name = "dotnet-http"
    source = "http"
    framework = "Microsoft.AspNetCore.App"
    CLIENTS = 8
    BATCHES = 800  # of each client
    AT_ONCE = 40   # requests of a batch
    END_OF_REPLY = b"\r\n0\r\n\r\n"  # every reply is one chunk and this

    def command(self, scratch):
        return super().command(scratch) + [os.path.join(scratch, "http.sock")]

    @staticmethod
    def request(number):
        """Every fourth sends an order, the others ask for one."""
        if number % 4:
            return b"GET /order?id=%d HTTP/1.1\r\nHost: bench\r\n\r\n" % number
        body = (b'{"id":%d,"customer":"customer %d","items":[{"name":"bolt","count":%d,'
                b'"price":0.25},{"name":"washer","count":7,"price":1.5}]}' % (
                    number, number % 500, number % 50))
        return (b"POST /order HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
                b"Content-Length: %d\r\n\r\n%s" % (len(body), body))

    def batch(self, client, number):
        first = (client * self.BATCHES + number) * self.AT_ONCE
        return b"".join(self.request(i) for i in range(first, first + self.AT_ONCE))

    def drive(self, scratch):
        path = os.path.join(scratch, "http.sock")
        clients = [connect(path) for _ in range(self.CLIENTS)]
        self.sums = [0] * self.CLIENTS
        try:
            self.exchange(clients)
        finally:
            for client in clients:
                client.close()
        with connect(path) as client:
            client.settimeout(30)
            client.sendall(b"GET /end HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n")
            while client.recv(65536):
                pass

    def exchange(self, clients):
        """A client sends its next batch when it has all replies to the last."""
        sent = [0] * len(clients)
        pending = [b""] * len(clients)
        with selectors.DefaultSelector() as ready:
            for i, client in enumerate(clients):
                client.sendall(self.batch(i, 0))
                sent[i] = 1
                ready.register(client, selectors.EVENT_READ, i)
            while ready.get_map():
                for key, _ in ready.select():
                    i = key.data
                    data = key.fileobj.recv(262144)
                    if not data:
                        raise WorkloadError("the server closed a connection")
                    pending[i] += data
                    if pending[i].count(self.END_OF_REPLY) < self.AT_ONCE:
                        continue
                    self.check(i, pending[i])
                    pending[i] = b""
                    if sent[i] == self.BATCHES:
                        ready.unregister(key.fileobj)
                        continue
                    key.fileobj.sendall(self.batch(i, sent[i]))
                    sent[i] += 1

    def check(self, client, replies):
        """Replies must be good ones; bodies, without the headers' date, go into the sum."""
        *replies, rest = replies.split(self.END_OF_REPLY)
        if rest or len(replies) != self.AT_ONCE:
            raise WorkloadError("%d replies to %d requests" % (len(replies), self.AT_ONCE))
        for reply in replies:
            if not reply.startswith(b"HTTP/1.1 200 OK\r\n"):
                raise WorkloadError("the server: " + reply[:100].decode(errors="replace"))
            body = reply[reply.rindex(b"\r\n"):]
            self.sums[client] = zlib.crc32(body, self.sums[client])

    def answer(self, scratch, out):
        return b" ".join(b"%08x" % s for s in self.sums)


ALL = {load.name: load for load in (
    Sqlite, Redis, Python, Cc1, Mono, Dotnet, DotnetWork, DotnetHttp)}
