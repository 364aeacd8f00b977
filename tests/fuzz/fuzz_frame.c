/*
 * Captured frames.  The first byte is the type of the link; then frames, each behind two bytes of
 * how much of it was captured and two of what it was on the wire (little-endian).  What is read
 * lies in the frame, and what is put together is not longer than IP can say.
 */
#include <assert.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "capture/frame.h"
#include "capture/reassembly.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_udp(const struct frame_ip *ip)
{
    struct frame_udp udp;
    if (ip->protocol != IPPROTO_UDP || frame_udp_read(ip, &udp) != FRAME_OK)
        return;
    assert(udp.len <= udp.wire_len && udp.wire_len <= 65535 - 8);
    assert(udp.data >= ip->payload && udp.data + udp.len <= ip->payload + ip->len);
}

static void one(struct reassembly *r, enum frame_link link, const uint8_t *frame, size_t len,
                size_t wire_len, uint64_t at_ns)
{
    struct frame_ip ip, whole;
    if (frame_ip_read(link, frame, len, wire_len, &ip) != FRAME_OK)
        return;
    assert(ip.version == 4 || ip.version == 6);
    assert(ip.len <= ip.wire_len);
    assert(ip.payload >= frame && ip.payload + ip.len <= frame + len);
    if (!frame_is_fragment(&ip)) {
        check_udp(&ip);
    } else if (reassembly_add(r, &ip, at_ns, &whole) == REASSEMBLY_WHOLE) {
        assert(!frame_is_fragment(&whole));
        assert(whole.len == whole.wire_len && whole.len <= REASSEMBLY_BYTES_MAX);
        check_udp(&whole);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const enum frame_link link = (enum frame_link)(data[0] % (FRAME_NULL + 1));
    struct reassembly *r = reassembly_new();
    uint64_t at_ns = 0;
    for (size_t at = 1; at + 4 <= size; at_ns += 1000000000) {
        size_t len = data[at] | (size_t)data[at + 1] << 8;
        const size_t wire_len = data[at + 2] | (size_t)data[at + 3] << 8;
        at += 4;
        len = len < size - at ? len : size - at;
        uint8_t *frame = malloc(len + 1); /* of its own: a byte behind it is none of the input */
        memcpy(frame + 1, data + at, len);
        one(r, link, frame + 1, len, wire_len, at_ns);
        free(frame);
        at += len;
    }
    reassembly_free(r);
    return 0;
}
