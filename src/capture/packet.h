/**
 * packet: the bytes of a pcap file: its header, and a datagram as a packet of it.
 *
 *     file      magic 0xa1b23c4d (nanoseconds), version 2.4, LINKTYPE_RAW: an IP header comes first
 *     record    seconds, nanoseconds, bytes in the file, bytes that there were
 *               IPv4 or IPv6 header, UDP header, the datagram
 *
 * The numbers of pcap are little-endian, whatever the machine is: readers go by the magic.  The
 * headers of IP and UDP are made up, for a socket does not tell them: no fragments, TTL 64.  IPv4
 * needs no UDP checksum (0); IPv6's is of the payload that is at hand.
 *   thread   any (no state)
 *   source   draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcaplinktype; RFC 768, 791, 8200
 */
#ifndef CAPTURE_PACKET_H
#define CAPTURE_PACKET_H

#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

enum {
    PACKET_FILE_BYTES = 24,
    PACKET_RECORD_BYTES = 16,
    PACKET_HEAD_MAX = PACKET_RECORD_BYTES + 40 + 8,
    PACKET_SNAPLEN = 262144, /* what the file promises */
    PACKET_PAYLOAD_MAX = 65507
};

/* One end of a packet.  Both ends are of one version. */
struct packet_end {
    uint8_t ip[16]; /* network order; of IPv4 the first four */
    uint16_t port;
};

struct packet {
    uint64_t time_ns; /* since 1970 */
    int version;      /* 4 or 6 */
    struct packet_end from, to;
    struct slice payload;
    size_t len; /* of the datagram as it was sent, at least payload.len */
};

void packet_file_head(char out[PACKET_FILE_BYTES]);

/**
 * packet_put(p, snaplen, out):
 * Write the record, with at most snaplen bytes of the packet, its IP header counted; and at most
 * PACKET_PAYLOAD_MAX of the payload.
 *   out      has room for PACKET_HEAD_MAX and the payload
 *   returns  bytes written
 *   cost     copies the payload; with IPv6 reads it once more
 */
size_t packet_put(const struct packet *p, size_t snaplen, char *out);

/* returns  the checksum of RFC 1071 over the bytes, and over a sum of others before them, which are
 * even in number (0: none), before its complement is taken */
uint16_t packet_sum(struct slice bytes, uint32_t before);

#endif
