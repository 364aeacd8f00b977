"""Capture files, written without libpcap: for what reads them."""
import struct

RAW, ETHERNET, SLL2, USER0 = 101, 1, 276, 147
NS = 10**9


def udp4(data, port=8125, to=(127, 0, 0, 1)):
    udp = struct.pack(">HHHH", 5000, port, 8 + len(data), 0) + data
    return ip4(udp, to=to)


def ip4(payload, protocol=17, at=0, more=False, to=(127, 0, 0, 1), id=7):
    return struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), id, at // 8 | (0x2000 if more else 0), 64, protocol, 0,
                       bytes([127, 0, 0, 1]), bytes(to)) + payload


def fragments(data, size=1480, id=7):
    """A datagram as the packets that it is cut into."""
    whole = struct.pack(">HHHH", 5000, 8125, 8 + len(data), 0) + data
    return [ip4(whole[at:at + size], at=at, more=at + size < len(whole), id=id) for at in range(0, len(whole), size)]


def write(path, packets, link=RAW):
    """packets: (time in ns, bytes of the frame), or with a third: its length on the wire."""
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b23c4d, 2, 4, 0, 0, 262144, link))
        for at, frame, *wire in packets:
            f.write(struct.pack("<IIII", at // NS, at % NS, len(frame), wire[0] if wire else len(frame)) + frame)
    return str(path)


def counters(path, lines, per=20, seconds=1.0, names=100, start=1_700_000_000 * NS):
    """lines of `replay.cN:1|c`, evenly over the time."""
    packets = []
    for at in range(0, lines, per):
        data = "\n".join("replay.c%d:1|c" % (k % names) for k in range(at, min(at + per, lines))).encode()
        packets.append((start + int(seconds * NS * at / lines), udp4(data)))
    return write(path, packets)


def write_ng(path, packets, link=RAW, endian=">", resolution=9):
    """The same as pcapng: sections of that byte order, times in 10^-resolution of a second, an unknown block between."""

    def block(kind, body):
        body += b"\0" * (-len(body) % 4)
        return struct.pack(endian + "II", kind, 12 + len(body)) + body + struct.pack(endian + "I", 12 + len(body))

    with open(path, "wb") as f:
        f.write(block(0x0A0D0D0A, struct.pack(endian + "IHHq", 0x1A2B3C4D, 1, 0, -1)))
        f.write(block(1, struct.pack(endian + "HHI", link, 0, 262144) + struct.pack(endian + "HHB3xHH", 9, 1, resolution, 0, 0)))
        f.write(block(0xBAD, b"nobody knows it"))
        for at, frame, *wire in packets:
            units = at // 10 ** (9 - resolution)
            f.write(block(6, struct.pack(endian + "IIIII", 0, units >> 32, units & 0xFFFFFFFF, len(frame), wire[0] if wire else len(frame)) + frame))
    return str(path)
