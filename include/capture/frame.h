/**
 * frame: the IP packet in a captured frame, and the UDP datagram in it.
 *
 *     bytes of a frame --frame_ip_read--> struct frame_ip --frame_udp_read--> struct frame_udp
 *                                             |     ^
 *                        a fragment of one:   v     |  (reassembly.h)
 *                                          reassembly_add
 *
 * Checksums are not looked at: a sender that leaves them to its network card is captured before
 * they are there.  Lengths are those of the headers, as far as the capture goes.
 *
 *   source   strangers: any byte, any length
 *   thread   any (no state); what is returned borrows the frame
 */
#ifndef CAPTURE_FRAME_H
#define CAPTURE_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum frame_link {
    FRAME_ETHERNET, /* with up to two VLAN tags */
    FRAME_SLL,      /* Linux "cooked": tcpdump -i any before 4.99 */
    FRAME_SLL2,     /* tcpdump -i any since */
    FRAME_IP,       /* no header of a link: the IP version is in the first byte */
    FRAME_NULL      /* 4 bytes of an address family, in whichever order; then as FRAME_IP */
};

/* returns  false: none of those that can be read.  dlt: as pcap_datalink has it */
bool frame_link_of(int dlt, enum frame_link *ret);

enum frame_result {
    FRAME_OK,
    FRAME_NOT_IP,
    FRAME_MALFORMED, /* lengths contradict each other */
    FRAME_CUT        /* the capture ends within a header */
};

struct frame_ip {
    unsigned version;         /* 4 or 6 */
    uint8_t from[16], to[16]; /* of IPv4 the first 4 bytes, the rest 0 */
    uint8_t protocol;         /* of the payload: IPPROTO_UDP; of IPv6 what follows its extensions */
    bool outgoing;            /* FRAME_SLL, FRAME_SLL2: it left this machine */
    bool more;                /* a fragment, and not the last one */
    uint32_t at;              /* a fragment's place in the payload, in bytes */
    uint32_t id;              /* of the packet that it is a fragment of */
    const uint8_t *payload;
    size_t len;      /* what is there of it ... */
    size_t wire_len; /* ... and what there was, >= len */
};

/**
 * frame_ip_read(link, bytes, len, wire_len, ret):
 *   len       bytes that were captured
 *   wire_len  that the frame had; less than len counts as len
 *   returns   see enum frame_result; ret is set with FRAME_OK alone
 */
enum frame_result frame_ip_read(enum frame_link link, const uint8_t *bytes, size_t len,
                                size_t wire_len, struct frame_ip *ret);

static inline bool frame_is_fragment(const struct frame_ip *ip)
{
    return ip->more || ip->at > 0;
}

struct frame_udp {
    uint16_t from_port, to_port;
    const uint8_t *data;
    size_t len, wire_len; /* as in struct frame_ip */
};

/* ip: of UDP and no fragment.  ret is set with FRAME_OK alone */
enum frame_result frame_udp_read(const struct frame_ip *ip, struct frame_udp *ret);

/* Is that where it was sent to an address of the loopback? */
bool frame_to_loopback(const struct frame_ip *ip);

#endif
