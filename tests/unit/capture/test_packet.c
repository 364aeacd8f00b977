#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "capture/packet.h"

enum { SNAP_ALL = PACKET_SNAPLEN };

static struct packet_end end(int version, const char *ip, uint16_t port)
{
    struct packet_end e = { .port = port };
    assert_int_equal(inet_pton(version == 4 ? AF_INET : AF_INET6, ip, e.ip), 1);
    return e;
}

static void a_file_begins_as_pcap_of_raw_ip_in_nanoseconds(void **unused)
{
    static const uint8_t wanted[PACKET_FILE_BYTES] = {
        0x4d, 0x3c, 0xb2, 0xa1,             /* nanoseconds, little-endian */
        2,    0,    4,    0,                /* version 2.4 */
        0,    0,    0,    0,    0, 0, 0, 0, /* UTC */
        0,    0,    4,    0,                /* 262,144 */
        101,  0,    0,    0                 /* LINKTYPE_RAW */
    };
    char head[PACKET_FILE_BYTES];
    (void)unused;
    packet_file_head(head);
    assert_memory_equal(head, wanted, sizeof wanted);
}

/*
 * The checksum: 4500 + 0021 + 4000 + 4011 + 0a01 + 0203 + 0a01 + 0204 = dd3b, and its complement.
 */
static void ipv4_is_byte_for_byte_what_was_worked_out_by_hand(void **unused)
{
    static const uint8_t wanted[] = {
        0x15, 0xcd, 0x5b, 0x07, 0x01, 0,  0,    0, /* 123456789 s, 1 ns */
        33,   0,    0,    0,    33,   0,  0,    0, /* kept, there were */
        0x45, 0,    0,    33,   0,    0,  0x40, 0, /* IPv4, total, DF */
        64,   17,   0x22, 0xc4,                    /* TTL, UDP, checksum */
        10,   1,    2,    3,    10,   1,  2,    4, /* from, to */
        0x9c, 0x40, 0x1f, 0xbd, 0,    13, 0,    0, /* 40000 -> 8125, 13, none */
        'a',  ':',  '1',  '|',  'c'
    };
    const struct packet p = { .time_ns = 123456789000000001,
                              .version = 4,
                              .from = end(4, "10.1.2.3", 40000),
                              .to = end(4, "10.1.2.4", 8125),
                              .payload = SLICE_LIT("a:1|c"),
                              .len = 5 };
    char out[PACKET_HEAD_MAX + 5];
    (void)unused;
    assert_int_equal(packet_put(&p, SNAP_ALL, out), sizeof wanted);
    assert_memory_equal(out, wanted, sizeof wanted);
}

/* The sum of RFC 1071 as it is defined, word by word. */
static uint16_t plain_sum(const uint8_t *p, size_t n)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (uint64_t)p[i] << (i % 2 == 0 ? 8 : 0);
    while (sum > 0xffff)
        sum = (sum >> 16) + (sum & 0xffff);
    return (uint16_t)sum;
}

static void sums_of_any_length_are_those_of_the_definition(void **unused)
{
    uint8_t bytes[301];
    (void)unused;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 37 + 250);
    for (size_t n = 0; n <= sizeof bytes; n++)
        assert_int_equal(packet_sum(slice_of((const char *)bytes, n), 0), plain_sum(bytes, n));
    /* In two pieces, the first of which is even. */
    uint32_t first = packet_sum(slice_of((const char *)bytes, 100), 0);
    assert_int_equal(packet_sum(slice_of((const char *)bytes + 100, 201), first),
                     plain_sum(bytes, sizeof bytes));
}

/* What a receiver does: the sum over pseudo header, header and payload is all ones. */
static uint16_t ipv6_verify(const uint8_t *ip, size_t udp_len)
{
    uint8_t all[2048] = { 0 };
    memcpy(all, ip + 8, 32);
    all[34] = (uint8_t)(udp_len >> 8);
    all[35] = (uint8_t)udp_len;
    all[39] = 17;
    memcpy(all + 40, ip + 40, udp_len);
    return plain_sum(all, 40 + udp_len);
}

static void ipv6_has_a_checksum_that_a_receiver_takes(void **unused)
{
    char out[PACKET_HEAD_MAX + 1000];
    char payload[1000];
    (void)unused;
    for (size_t i = 0; i < sizeof payload; i++)
        payload[i] = (char)(i * 7 + 3);
    for (size_t n = 0; n <= sizeof payload; n += 111) {
        const struct packet p = { .version = 6,
                                  .from = end(6, "fd00::1", 40000),
                                  .to = end(6, "2001:db8::ff", 8125),
                                  .payload = { payload, n },
                                  .len = n };
        const uint8_t *ip = (const uint8_t *)out + PACKET_RECORD_BYTES;
        assert_int_equal(packet_put(&p, SNAP_ALL, out), PACKET_RECORD_BYTES + 48 + n);
        assert_int_equal(ip[0], 0x60);
        assert_int_equal(ip[6], 17);
        assert_int_equal(ip[4] << 8 | ip[5], 8 + n);
        assert_int_equal(ipv6_verify(ip, 8 + n), 0xffff);
        assert_memory_equal(ip + 48, payload, n);
    }
}

static void a_checksum_that_comes_out_as_none_is_written_as_its_twin(void **unused)
{
    char out[PACKET_HEAD_MAX + 2];
    struct packet p = { .version = 6, .from.port = 1, .to.port = 2, .len = 2 };
    (void)unused;
    /* 17 + 10 (protocol, length) + 1 + 2 + 10 + the payload = 0xffff */
    uint16_t rest = 0xffff - (17 + 10 + 1 + 2 + 10);
    const char payload[2] = { (char)(rest >> 8), (char)rest };
    p.payload = slice_of(payload, 2);
    packet_put(&p, SNAP_ALL, out);
    const uint8_t *sum = (const uint8_t *)out + PACKET_RECORD_BYTES + 46;
    assert_int_equal(sum[0] << 8 | sum[1], 0xffff);
}

static uint32_t le32(const char *p)
{
    const uint8_t *b = (const uint8_t *)p;
    return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static void what_is_cut_says_how_long_it_was(void **unused)
{
    enum { LARGE = 70000 };
    static const struct {
        int version;
        size_t payload, len, snaplen, kept, whole, ip_total;
    } rows[] = {
        { 4, 100, 100, SNAP_ALL, 128, 128, 128 },
        { 4, 100, 100, 60, 60, 128, 128 },
        { 4, 100, 5000, SNAP_ALL, 128, 5028, 5028 },             /* the tap kept its front */
        { 4, 65507, 65507, SNAP_ALL, 65535, 65535, 65535 },      /* the largest of IPv4 */
        { 4, LARGE, LARGE, SNAP_ALL, 65535, LARGE + 28, 65535 }, /* of a Unix socket */
        { 6, 65507, 65507, SNAP_ALL, 65555, 65555, 65515 },
        { 6, LARGE, LARGE, 1000, 1000, LARGE + 48, 65535 },
    };
    char *payload = calloc(1, LARGE), *out = malloc(PACKET_HEAD_MAX + LARGE);
    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct packet p = { .version = rows[i].version,
                                  .payload = { payload, rows[i].payload },
                                  .len = rows[i].len };
        assert_int_equal(packet_put(&p, rows[i].snaplen, out), PACKET_RECORD_BYTES + rows[i].kept);
        assert_int_equal(le32(out + 8), rows[i].kept);
        assert_int_equal(le32(out + 12), rows[i].whole);
        const uint8_t *at = (const uint8_t *)out + PACKET_RECORD_BYTES + (p.version == 4 ? 2 : 4);
        assert_int_equal(at[0] << 8 | at[1], rows[i].ip_total);
    }
    free(payload);
    free(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_begins_as_pcap_of_raw_ip_in_nanoseconds),
        cmocka_unit_test(ipv4_is_byte_for_byte_what_was_worked_out_by_hand),
        cmocka_unit_test(sums_of_any_length_are_those_of_the_definition),
        cmocka_unit_test(ipv6_has_a_checksum_that_a_receiver_takes),
        cmocka_unit_test(a_checksum_that_comes_out_as_none_is_written_as_its_twin),
        cmocka_unit_test(what_is_cut_says_how_long_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
