#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/slice.h"
#include "capture/frame.h"
#include "unit/capture/frames.h"

#define TEXT "a.b:1|c"

/* A header of a link in front of a packet, as hex. */
static const struct {
    const char *what;
    enum frame_link link;
    const char *header;
    int version;
    enum frame_result result;
    bool outgoing;
} links[] = {
    { "Ethernet", FRAME_ETHERNET, "0102030405060a0b0c0d0e0f0800", 4, FRAME_OK, false },
    { "Ethernet, IPv6", FRAME_ETHERNET, "0102030405060a0b0c0d0e0f86dd", 6, FRAME_OK, false },
    { "a VLAN", FRAME_ETHERNET, "0102030405060a0b0c0d0e0f810000640800", 4, FRAME_OK, false },
    { "two VLANs", FRAME_ETHERNET, "0102030405060a0b0c0d0e0f88a800648100000786dd", 6, FRAME_OK,
      false },
    { "the old tag of two VLANs", FRAME_ETHERNET, "0102030405060a0b0c0d0e0f91000064810000070800", 4,
      FRAME_OK, false },
    { "three VLANs", FRAME_ETHERNET, "0102030405060a0b0c0d0e0f8100006481000007810000080800", 4,
      FRAME_NOT_IP, false },
    { "ARP", FRAME_ETHERNET, "0102030405060a0b0c0d0e0f0806", 4, FRAME_NOT_IP, false },
    { "SLL, to us", FRAME_SLL, "00000001000600000000000000000800", 4, FRAME_OK, false },
    { "SLL, outgoing", FRAME_SLL, "000400010006000000000000000086dd", 6, FRAME_OK, true },
    { "SLL with a VLAN", FRAME_SLL, "0000000100060000000000000000810000640800", 4, FRAME_OK,
      false },
    { "SLL2, to us", FRAME_SLL2, "0800000000000002000100060000000000000000", 4, FRAME_OK, false },
    { "SLL2, outgoing", FRAME_SLL2, "86dd000000000002000104060000000000000000", 6, FRAME_OK, true },
    { "SLL2, ARP", FRAME_SLL2, "0806000000000002000100060000000000000000", 4, FRAME_NOT_IP, false },
    { "IPv4 alone", FRAME_IP, "", 4, FRAME_OK, false },
    { "IPv6 alone", FRAME_IP, "", 6, FRAME_OK, false },
    { "neither", FRAME_IP, "70", 4, FRAME_NOT_IP, false },
    { "NULL, little-endian", FRAME_NULL, "02000000", 4, FRAME_OK, false },
    { "NULL, a BSD's IPv6", FRAME_NULL, "1e000000", 6, FRAME_OK, false },
    { "LOOP", FRAME_NULL, "00000002", 4, FRAME_OK, false },
};

static size_t put_hex(uint8_t *to, const char *hex)
{
    size_t n = 0;
    for (; hex[0] != '\0'; hex += 2) {
        const char byte[3] = { hex[0], hex[1], '\0' };
        to[n++] = (uint8_t)strtoul(byte, NULL, 16);
    }
    return n;
}

static size_t put_packet(uint8_t *to, int version)
{
    uint8_t udp[64];
    size_t n = put_udp(udp, TEXT, sizeof TEXT - 1);
    return version == 4 ? put_ipv4(to, 7, 0, 0, udp, n) : put_ipv6(to, IPPROTO_UDP, udp, n);
}

/* Bytes with nothing readable behind them, for sanitizers to see. */
static uint8_t *exactly(const uint8_t *bytes, size_t n)
{
    uint8_t *copy = malloc(n > 0 ? n : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, n);
    return copy;
}

static void each_link_type_leads_to_the_datagram(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(links); i++) {
        uint8_t frame[256];
        struct frame_ip ip;
        struct frame_udp udp;
        size_t n = put_hex(frame, links[i].header);
        n += put_packet(frame + n, links[i].version);
        memset(frame + n, 0xee, 20); /* padding */
        print_message("%s\n", links[i].what);
        assert_int_equal(frame_ip_read(links[i].link, frame, n + 20, n + 20, &ip), links[i].result);
        if (links[i].result != FRAME_OK)
            continue;
        assert_int_equal(ip.version, links[i].version);
        assert_int_equal(ip.outgoing, links[i].outgoing);
        assert_false(frame_is_fragment(&ip));
        assert_int_equal(frame_udp_read(&ip, &udp), FRAME_OK);
        assert_int_equal(udp.from_port, 5000);
        assert_int_equal(udp.to_port, 8125);
        assert_true(slice_eq(slice_of((const char *)udp.data, udp.len), SLICE_LIT(TEXT)));
        assert_int_equal(udp.wire_len, udp.len);
    }
}

static void a_frame_that_is_cut_anywhere_is_told_as_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(links); i++) {
        uint8_t frame[256];
        size_t n = put_hex(frame, links[i].header);
        n += put_packet(frame + n, links[i].version);
        for (size_t have = 0; have < n && links[i].result == FRAME_OK; have++) {
            struct frame_ip ip;
            struct frame_udp udp;
            uint8_t *cut = exactly(frame, have);
            enum frame_result result = frame_ip_read(links[i].link, cut, have, n, &ip);
            if (result == FRAME_OK)
                result = frame_udp_read(&ip, &udp);
            if (result == FRAME_OK)
                assert_int_equal(udp.wire_len - udp.len, n - have);
            else
                assert_int_equal(result, FRAME_CUT);
            free(cut);
        }
    }
}

static void extensions_of_ipv6_are_walked(void **state)
{
    (void)state;
    /* hop by hop, destination options, an authentication header, then UDP */
    uint8_t body[128] = { IPPROTO_DSTOPTS, 0, 1, 4 }, frame[256];
    struct frame_ip ip;
    struct frame_udp udp;
    memcpy(body + 8, "\x33\x01", 2);  /* 16 bytes, then IPPROTO_AH */
    memcpy(body + 24, "\x11\x02", 2); /* 16 bytes, then UDP */
    size_t n = 40 + put_udp(body + 40, TEXT, sizeof TEXT - 1);
    n = put_ipv6(frame, IPPROTO_HOPOPTS, body, n);
    assert_int_equal(frame_ip_read(FRAME_IP, frame, n, n, &ip), FRAME_OK);
    assert_int_equal(ip.protocol, IPPROTO_UDP);
    assert_int_equal(frame_udp_read(&ip, &udp), FRAME_OK);
    assert_int_equal(udp.len, sizeof TEXT - 1);
    for (size_t have = 0; have < n - sizeof TEXT + 1; have++) {
        uint8_t *cut = exactly(frame, have);
        enum frame_result result = frame_ip_read(FRAME_IP, cut, have, n, &ip);
        assert_int_equal(result == FRAME_OK ? frame_udp_read(&ip, &udp) : result, FRAME_CUT);
        free(cut);
    }
}

static void fragments_say_where_they_belong(void **state)
{
    (void)state;
    uint8_t frame[256];
    struct frame_ip ip;
    size_t n = put_ipv4(frame, 77, 1480, 1, "12345678", 8);
    assert_int_equal(frame_ip_read(FRAME_IP, frame, n, n, &ip), FRAME_OK);
    assert_true(frame_is_fragment(&ip) && ip.more && ip.at == 1480 && ip.id == 77 && ip.len == 8);
    n = put_ipv6_fragment(frame, 78, 1448, 0, "123", 3);
    assert_int_equal(frame_ip_read(FRAME_IP, frame, n, n, &ip), FRAME_OK);
    assert_true(frame_is_fragment(&ip) && !ip.more && ip.at == 1448 && ip.id == 78 && ip.len == 3);
    assert_int_equal(ip.protocol, IPPROTO_UDP);
}

/* A byte of a packet of IPv4 is changed. */
static const struct {
    const char *what;
    size_t at;
    uint8_t to;
    enum frame_result ip, udp;
} changes[] = {
    { "a header of 16 bytes", 0, 0x44, FRAME_MALFORMED, FRAME_OK },
    { "a header of 60 bytes", 0, 0x4f, FRAME_MALFORMED, FRAME_OK },
    { "a length less than the header", 3, 19, FRAME_MALFORMED, FRAME_OK },
    { "a length that is left to the card", 3, 0, FRAME_OK, FRAME_OK },
    { "no room for a header of UDP", 3, 27, FRAME_OK, FRAME_MALFORMED },
    { "a length of UDP less than its header", 25, 7, FRAME_OK, FRAME_MALFORMED },
    { "a length of UDP beyond the packet", 25, 16, FRAME_OK, FRAME_MALFORMED },
    { "a length of UDP that leaves some over", 25, 14, FRAME_OK, FRAME_OK },
};

static void lengths_that_contradict_each_other_are_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
        uint8_t frame[64];
        struct frame_ip ip;
        struct frame_udp udp;
        size_t n = put_packet(frame, 4);
        frame[changes[i].at] = changes[i].to;
        print_message("%s\n", changes[i].what);
        assert_int_equal(frame_ip_read(FRAME_IP, frame, n, n, &ip), changes[i].ip);
        if (changes[i].ip == FRAME_OK)
            assert_int_equal(frame_udp_read(&ip, &udp), changes[i].udp);
    }
}

static void an_extension_that_is_longer_than_its_packet_is_malformed(void **state)
{
    (void)state;
    static const uint8_t next[] = { IPPROTO_HOPOPTS, IPPROTO_ROUTING, IPPROTO_DSTOPTS, IPPROTO_AH,
                                    IPPROTO_FRAGMENT };
    static const uint8_t body[7] = { IPPROTO_UDP, 0xff };
    for (size_t i = 0; i < ARRAY_LEN(next); i++) {
        uint8_t frame[64];
        struct frame_ip ip;
        const size_t n = put_ipv6(frame, next[i], body, sizeof body);
        uint8_t *whole = exactly(frame, n);
        assert_int_equal(frame_ip_read(FRAME_IP, whole, n, n, &ip), FRAME_MALFORMED);
        free(whole);
    }
}

static void a_link_type_that_has_no_ip_is_none(void **state)
{
    (void)state;
    enum frame_link link;
    assert_true(frame_link_of(1, &link) && link == FRAME_ETHERNET);
    assert_true(frame_link_of(276, &link) && link == FRAME_SLL2);
    assert_true(frame_link_of(12, &link) && link == FRAME_IP);
    assert_false(frame_link_of(147, &link)); /* USER0 */
    assert_false(frame_link_of(127, &link)); /* 802.11 with radiotap */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_link_type_leads_to_the_datagram),
        cmocka_unit_test(a_frame_that_is_cut_anywhere_is_told_as_cut),
        cmocka_unit_test(extensions_of_ipv6_are_walked),
        cmocka_unit_test(fragments_say_where_they_belong),
        cmocka_unit_test(lengths_that_contradict_each_other_are_told),
        cmocka_unit_test(an_extension_that_is_longer_than_its_packet_is_malformed),
        cmocka_unit_test(a_link_type_that_has_no_ip_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
