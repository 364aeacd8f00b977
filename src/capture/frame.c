/*
 *     frame_ip_read   link_skip: the header of the link -> ipv4_read or ipv6_read, which walks the
 *                     extensions (ipv6_extensions)
 */
#include "capture/frame.h"

#include <assert.h>
#include <netinet/in.h>
#include <pcap/dlt.h>
#include <string.h>

enum {
    ETHERTYPE_IPV4 = 0x0800,
    ETHERTYPE_IPV6 = 0x86dd,
    VLAN_TAGS_MAX = 2,
    SLL_OUTGOING = 4,
    IPV4_HEADER = 20,
    IPV6_HEADER = 40,
    IPV6_FRAGMENT_HEADER = 8,
    IPV6_EXTENSIONS_MAX = 8, /* no packet of the field has more than two or three */
    UDP_HEADER = 8
};

/* What is left of a frame. */
struct rest {
    const uint8_t *at;
    size_t len, wire_len;
};

static bool skip(struct rest *r, size_t n)
{
    if (r->len < n)
        return false;
    r->at += n;
    r->len -= n;
    r->wire_len -= n;
    return true;
}

/* Leave off what lies behind the first n bytes: the padding of a short Ethernet frame. */
static void limit(struct rest *r, size_t n)
{
    r->wire_len = r->wire_len < n ? r->wire_len : n;
    r->len = r->len < n ? r->len : n;
}

static unsigned be16(const uint8_t *p)
{
    return (unsigned)p[0] << 8 | p[1];
}

static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)be16(p) << 16 | be16(p + 2);
}

bool frame_link_of(int dlt, enum frame_link *ret)
{
    static const struct {
        int dlt;
        enum frame_link link;
    } rows[] = {
        { DLT_EN10MB, FRAME_ETHERNET }, { DLT_LINUX_SLL, FRAME_SLL },
        { DLT_LINUX_SLL2, FRAME_SLL2 }, { DLT_RAW, FRAME_IP },
        { DLT_IPV4, FRAME_IP },         { DLT_IPV6, FRAME_IP },
        { DLT_NULL, FRAME_NULL },       { DLT_LOOP, FRAME_NULL },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].dlt == dlt) {
            *ret = rows[i].link;
            return true;
        }
    }
    return false;
}

static bool is_vlan(unsigned type)
{
    return type == 0x8100 || type == 0x88a8 || type == 0x9100;
}

/* Behind an ethertype: to the IP header.  A tag is 2 bytes of its own, and the next ethertype. */
static enum frame_result vlan_skip(struct rest *r, unsigned type)
{
    for (int tags = 0; is_vlan(type) && tags < VLAN_TAGS_MAX; tags++) {
        if (r->len < 4)
            return FRAME_CUT;
        type = be16(r->at + 2);
        skip(r, 4);
    }
    return type == ETHERTYPE_IPV4 || type == ETHERTYPE_IPV6 ? FRAME_OK : FRAME_NOT_IP;
}

static enum frame_result link_skip(enum frame_link link, struct rest *r, bool *ret_outgoing)
{
    static const struct {
        uint8_t header, type; /* bytes, and where the ethertype is */
    } rows[] = {
        [FRAME_ETHERNET] = { 14, 12 }, [FRAME_SLL] = { 16, 14 }, [FRAME_SLL2] = { 20, 0 },
        [FRAME_IP] = { 0, 0 },         [FRAME_NULL] = { 4, 0 },
    };
    const uint8_t *header = r->at;
    if (!skip(r, rows[link].header))
        return FRAME_CUT;
    if (link == FRAME_IP || link == FRAME_NULL)
        return FRAME_OK;
    *ret_outgoing = (link == FRAME_SLL && be16(header) == SLL_OUTGOING) ||
                    (link == FRAME_SLL2 && header[10] == SLL_OUTGOING);
    return vlan_skip(r, be16(header + rows[link].type));
}

static enum frame_result ipv4_read(struct rest r, struct frame_ip *ip)
{
    if (r.len < IPV4_HEADER)
        return FRAME_CUT;
    const uint8_t *h = r.at;
    const size_t header = (size_t)(h[0] & 15) * 4, total = be16(h + 2);
    if (header < IPV4_HEADER)
        return FRAME_MALFORMED;
    /* A sender whose card cuts packets up leaves the length to it: then it is the frame's. */
    if (total != 0 && total < header)
        return FRAME_MALFORMED;
    if (total != 0)
        limit(&r, total);
    if (r.wire_len < header)
        return FRAME_MALFORMED;
    if (!skip(&r, header))
        return FRAME_CUT;
    ip->version = 4;
    memcpy(ip->from, h + 12, 4);
    memcpy(ip->to, h + 16, 4);
    ip->protocol = h[9];
    ip->id = be16(h + 4);
    ip->more = (h[6] & 0x20) != 0;
    ip->at = (be16(h + 6) & 0x1fff) * 8;
    ip->payload = r.at;
    ip->len = r.len;
    ip->wire_len = r.wire_len;
    return FRAME_OK;
}

/* Is that an extension of IPv6, with its own length in its second byte? */
static bool is_extension(uint8_t next)
{
    return next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING || next == IPPROTO_DSTOPTS ||
           next == IPPROTO_AH;
}

/* next: what r begins with.  What lies behind a fragment's header is for who puts it together. */
static enum frame_result ipv6_extensions(struct rest *r, uint8_t next, struct frame_ip *ip)
{
    for (int i = 0; i < IPV6_EXTENSIONS_MAX && is_extension(next); i++) {
        if (r->len < 2)
            return r->wire_len < 2 ? FRAME_MALFORMED : FRAME_CUT;
        const size_t n =
            next == IPPROTO_AH ? (r->at[1] + (size_t)2) * 4 : (r->at[1] + (size_t)1) * 8;
        next = r->at[0];
        if (r->wire_len < n)
            return FRAME_MALFORMED;
        if (!skip(r, n))
            return FRAME_CUT;
    }
    if (next == IPPROTO_FRAGMENT) {
        const uint8_t *h = r->at;
        if (!skip(r, IPV6_FRAGMENT_HEADER))
            return r->wire_len < IPV6_FRAGMENT_HEADER ? FRAME_MALFORMED : FRAME_CUT;
        next = h[0];
        ip->at = be16(h + 2) & 0xfff8;
        ip->more = (h[3] & 1) != 0;
        ip->id = be32(h + 4);
    }
    ip->protocol = next;
    return FRAME_OK;
}

static enum frame_result ipv6_read(struct rest r, struct frame_ip *ip)
{
    const uint8_t *h = r.at;
    if (!skip(&r, IPV6_HEADER))
        return FRAME_CUT;
    if (be16(h + 4) != 0) /* as in IPv4 */
        limit(&r, be16(h + 4));
    ip->version = 6;
    memcpy(ip->from, h + 8, 16);
    memcpy(ip->to, h + 24, 16);
    enum frame_result result = ipv6_extensions(&r, h[6], ip);
    ip->payload = r.at;
    ip->len = r.len;
    ip->wire_len = r.wire_len;
    return result;
}

enum frame_result frame_ip_read(enum frame_link link, const uint8_t *bytes, size_t len,
                                size_t wire_len, struct frame_ip *ret)
{
    struct rest r = { bytes, len, wire_len < len ? len : wire_len };
    struct frame_ip ip = { 0 };
    enum frame_result result = link_skip(link, &r, &ip.outgoing);
    if (result != FRAME_OK)
        return result;
    if (r.len == 0)
        return FRAME_CUT;
    if (r.at[0] >> 4 == 4)
        result = ipv4_read(r, &ip);
    else if (r.at[0] >> 4 == 6)
        result = ipv6_read(r, &ip);
    else
        result = FRAME_NOT_IP;
    if (result == FRAME_OK) {
        assert(ip.len <= ip.wire_len && ip.payload + ip.len <= bytes + len);
        *ret = ip;
    }
    return result;
}

enum frame_result frame_udp_read(const struct frame_ip *ip, struct frame_udp *ret)
{
    const uint8_t *h = ip->payload;
    struct rest r = { h, ip->len, ip->wire_len };
    assert(ip->protocol == IPPROTO_UDP && !frame_is_fragment(ip));
    if (r.wire_len < UDP_HEADER)
        return FRAME_MALFORMED;
    if (r.len < UDP_HEADER)
        return FRAME_CUT;
    const size_t total = be16(h + 4);
    if (total < UDP_HEADER || total > r.wire_len)
        return FRAME_MALFORMED;
    limit(&r, total);
    skip(&r, UDP_HEADER);
    *ret = (struct frame_udp){ .from_port = (uint16_t)be16(h),
                               .to_port = (uint16_t)be16(h + 2),
                               .data = r.at,
                               .len = r.len,
                               .wire_len = r.wire_len };
    return FRAME_OK;
}

bool frame_to_loopback(const struct frame_ip *ip)
{
    static const uint8_t one[16] = { [15] = 1 };
    return ip->version == 4 ? ip->to[0] == 127 : memcmp(ip->to, one, sizeof one) == 0;
}
