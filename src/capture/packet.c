#include "capture/packet.h"

#include <assert.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>

enum {
    MAGIC_NS = (int)0xa1b23c4d,
    LINKTYPE_RAW = 101,
    IPV4_BYTES = 20,
    IPV6_BYTES = 40,
    UDP_BYTES = 8,
    TTL = 64,
    U16_MAX = 65535
};

static void put_le16(char *to, uint32_t v)
{
    to[0] = (char)v;
    to[1] = (char)(v >> 8);
}

static void put_le32(char *to, uint32_t v)
{
    put_le16(to, v);
    put_le16(to + 2, v >> 16);
}

static void put_be16(char *to, uint32_t v)
{
    to[0] = (char)(v >> 8);
    to[1] = (char)v;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

void packet_file_head(char out[PACKET_FILE_BYTES])
{
    memset(out, 0, PACKET_FILE_BYTES);
    put_le32(out, (uint32_t)MAGIC_NS);
    put_le16(out + 4, 2);
    put_le16(out + 6, 4);
    put_le32(out + 16, PACKET_SNAPLEN);
    put_le32(out + 20, LINKTYPE_RAW);
}

/* Words of the machine's own order, in four lanes: a sum of 16-bit words does not mind (RFC 1071,
 * 2.B), and no lane overflows before 2^32 of them. */
uint16_t packet_sum(struct slice bytes, uint32_t before)
{
    uint64_t sum = 0;
    size_t at = 0;
    for (uint32_t w; at + sizeof w <= bytes.len; at += sizeof w) {
        memcpy(&w, bytes.ptr + at, sizeof w);
        sum += w;
    }
    char last[4] = { 0 };
    uint32_t w;
    memcpy(last, bytes.ptr + at, bytes.len - at);
    memcpy(&w, last, sizeof w);
    sum += w;
    while (sum > U16_MAX)
        sum = (sum >> 16) + (sum & U16_MAX);
    uint64_t all = ntohs((uint16_t)sum) + (uint64_t)before;
    while (all > U16_MAX)
        all = (all >> 16) + (all & U16_MAX);
    return (uint16_t)all;
}

static void put_ipv4(const struct packet *p, size_t total, char *out)
{
    memset(out, 0, IPV4_BYTES);
    out[0] = 0x45; /* version 4, five words */
    put_be16(out + 2, (uint32_t)total);
    out[6] = 0x40; /* do not fragment */
    out[8] = TTL;
    out[9] = IPPROTO_UDP;
    memcpy(out + 12, p->from.ip, 4);
    memcpy(out + 16, p->to.ip, 4);
    put_be16(out + 10, (uint16_t)~packet_sum(slice_of(out, IPV4_BYTES), 0));
}

static void put_ipv6(const struct packet *p, size_t udp, char *out)
{
    memset(out, 0, IPV6_BYTES);
    out[0] = 0x60;
    put_be16(out + 4, (uint32_t)udp);
    out[6] = IPPROTO_UDP;
    out[7] = TTL;
    memcpy(out + 8, p->from.ip, sizeof p->from.ip);
    memcpy(out + 24, p->to.ip, sizeof p->to.ip);
}

/* Over the addresses, the protocol and the length once more, then the header and the payload. */
static uint16_t ipv6_checksum(const char *ip, const char *udp, size_t udp_len, struct slice payload)
{
    uint32_t sum = packet_sum(slice_of(ip + 8, 32), (uint32_t)udp_len + IPPROTO_UDP);
    sum = packet_sum(slice_of(udp, UDP_BYTES), sum);
    sum = packet_sum(payload, sum);
    return sum == U16_MAX ? U16_MAX : (uint16_t)~sum; /* 0 would say that there is none */
}

size_t packet_put(const struct packet *p, size_t snaplen, char *out)
{
    const bool v4 = p->version == 4;
    const size_t ip_len = v4 ? IPV4_BYTES : IPV6_BYTES, head = ip_len + UDP_BYTES;
    const size_t whole = head + p->len;
    const struct slice payload = { p->payload.ptr, smaller(p->payload.len, PACKET_PAYLOAD_MAX) };
    const size_t kept = smaller(head + payload.len, snaplen);
    /* What is larger than a packet of UDP can be says the most that it can say. */
    const size_t udp_len = smaller(UDP_BYTES + p->len, U16_MAX - (v4 ? IPV4_BYTES : 0));
    char *ip = out + PACKET_RECORD_BYTES, *udp = ip + ip_len;
    assert((v4 || p->version == 6) && p->len >= p->payload.len);
    put_le32(out, (uint32_t)(p->time_ns / 1000000000));
    put_le32(out + 4, (uint32_t)(p->time_ns % 1000000000));
    put_le32(out + 8, (uint32_t)kept);
    put_le32(out + 12, (uint32_t)whole);
    if (v4)
        put_ipv4(p, ip_len + udp_len, ip);
    else
        put_ipv6(p, udp_len, ip);
    put_be16(udp, p->from.port);
    put_be16(udp + 2, p->to.port);
    put_be16(udp + 4, (uint32_t)udp_len);
    put_be16(udp + 6, 0);
    if (!v4)
        put_be16(udp + 6, ipv6_checksum(ip, udp, udp_len, payload));
    if (kept > head)
        memcpy(ip + head, payload.ptr, kept - head);
    return PACKET_RECORD_BYTES + kept;
}
