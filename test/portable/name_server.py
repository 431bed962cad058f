"""A name server that knows one name: python3 name_server.py ADDRESS NAME ANSWER. Answers A; other types have no records."""
import socket
import struct
import sys


def question(packet):
    """The name and the type of the only question, and its bytes."""
    labels, at = [], 12
    while packet[at]:
        labels.append(packet[at + 1 : at + 1 + packet[at]].decode())
        at += packet[at] + 1
    return ".".join(labels).lower(), struct.unpack(">H", packet[at + 1 : at + 3])[0], packet[12 : at + 5]


def answer(packet, known, address):
    name, kind, asked = question(packet)
    records = b""
    if name == known and kind == 1:
        records = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 5, 4) + socket.inet_aton(address)
    flags = 0x8180 if name == known else 0x8183
    return packet[:2] + struct.pack(">HHHHH", flags, 1, 1 if records else 0, 0, 0) + asked + records


def main():
    own, known, address = sys.argv[1:]
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((own, 53))
    print("ready", flush=True)
    while True:
        packet, client = server.recvfrom(4096)
        server.sendto(answer(packet, known, address), client)


main()
