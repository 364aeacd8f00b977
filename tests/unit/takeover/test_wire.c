/*
 * The messages of a takeover: what is written is read back, and nothing else is read.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "takeover/wire.h"

#define LIT(s)                                                                                     \
    {                                                                                              \
        s, sizeof(s) - 1                                                                           \
    } /* SLICE_LIT, for an initializer */

static const struct wire_message messages[] = {
    { .type = WIRE_HELLO,
      .state_version = 7,
      .text = LIT("0.1.0"),
      .texts = { LIT("udp://127.0.0.1:8125"), LIT("") },
      .n_texts = 2 },
    { .type = WIRE_FDS, .more = true, .texts = { LIT("@token") }, .n_texts = 1 },
    { .type = WIRE_FDS, .texts = { LIT("a"), LIT("b") }, .n_texts = 2 },
    { .type = WIRE_PREPARED },
    { .type = WIRE_STREAM, .text = LIT("tcp://*:8125"), .begun = LIT("a\0b:1") },
    { .type = WIRE_STATE, .bytes = 1ull << 40 },
    { .type = WIRE_REFUSE, .text = LIT("why") },
};

static size_t fds_of(const struct wire_message *m)
{
    return m->type == WIRE_FDS ? m->n_texts : m->type == WIRE_STREAM || m->type == WIRE_STATE;
}

/* In memory of exactly its size, so that a byte too many is seen. */
static int read_copy(struct slice packet, size_t n_fds, struct wire_message *ret)
{
    char *copy = malloc(packet.len + (packet.len == 0));
    assert_non_null(copy);
    memcpy(copy, packet.ptr, packet.len);
    int rc = wire_read(slice_of(copy, packet.len), n_fds, ret);
    free(copy);
    return rc;
}

static void what_is_written_is_read_back(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(messages); i++) {
        const struct wire_message *m = &messages[i];
        struct buf packet = { 0 };
        struct wire_message back;
        assert_int_equal(wire_write(m, &packet), 0);
        assert_int_equal(wire_read(buf_slice(&packet), fds_of(m), &back), 0);
        assert_int_equal(back.type, m->type);
        assert_int_equal(back.state_version, m->state_version);
        assert_int_equal(back.bytes, m->bytes);
        assert_int_equal(back.more, m->more);
        assert_true(slice_eq(back.text, m->text) && slice_eq(back.begun, m->begun));
        assert_int_equal(back.n_texts, m->n_texts);
        for (size_t k = 0; k < m->n_texts; k++)
            assert_true(slice_eq(back.texts[k], m->texts[k]));
        buf_release(&packet);
    }
}

static void a_part_of_a_message_is_none_nor_is_one_with_more(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(messages); i++) {
        struct buf packet = { 0 };
        struct wire_message unread = { .type = WIRE_TYPE_END };
        assert_int_equal(wire_write(&messages[i], &packet), 0);
        for (size_t n = 0; n < packet.len; n++)
            assert_int_equal(read_copy(slice_of(packet.ptr, n), fds_of(&messages[i]), &unread),
                             -EPROTO);
        buf_append_char(&packet, 'x');
        assert_int_equal(read_copy(buf_slice(&packet), fds_of(&messages[i]), &unread), -EPROTO);
        assert_int_equal(unread.type, WIRE_TYPE_END); /* untouched */
        buf_release(&packet);
    }
}

static void a_message_has_the_descriptors_of_its_type(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(messages); i++)
        for (size_t n = 0; n < 4; n++) {
            struct buf packet = { 0 };
            struct wire_message m;
            assert_int_equal(wire_write(&messages[i], &packet), 0);
            assert_int_equal(wire_read(buf_slice(&packet), n, &m),
                             n == fds_of(&messages[i]) ? 0 : -EPROTO);
            buf_release(&packet);
        }
}

static void another_version_is_told_apart_and_can_still_refuse(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(messages); i++) {
        struct buf packet = { 0 };
        struct wire_message m;
        assert_int_equal(wire_write(&messages[i], &packet), 0);
        uint16_t version = WIRE_VERSION + 1;
        memcpy(packet.ptr + 4, &version, sizeof version);
        assert_int_equal(wire_read(buf_slice(&packet), fds_of(&messages[i]), &m),
                         messages[i].type == WIRE_REFUSE ? 0 : -EPROTONOSUPPORT);
        buf_release(&packet);
    }
}

static void changed_bytes_are_a_message_or_none_and_never_more_than_was_sent(void **unused)
{
    (void)unused;
    uint64_t random = 1;
    for (unsigned round = 0; round < 200000; round++) {
        const struct wire_message *of = &messages[round % ARRAY_LEN(messages)];
        struct buf packet = { 0 };
        struct wire_message m;
        assert_int_equal(wire_write(of, &packet), 0);
        for (unsigned i = 0; i < 3; i++) {
            random = random * 6364136223846793005ull + 1442695040888963407ull;
            /* Half of the changes behind the head, which is checked first. */
            size_t at = (random >> 33) % packet.len;
            packet.ptr[at < 12 && round % 2 ? packet.len - 1 : at] = (char)(random >> 25);
        }
        if (read_copy(buf_slice(&packet), fds_of(of), &m) == 0) {
            size_t bytes = m.text.len + m.begun.len;
            for (size_t k = 0; k < m.n_texts; k++)
                bytes += m.texts[k].len;
            assert_true(bytes <= packet.len && m.n_texts <= WIRE_FDS_MAX);
        }
        buf_release(&packet);
    }
}

static void what_is_too_long_is_not_written(void **unused)
{
    (void)unused;
    static char line[WIRE_BODY_MAX + 1];
    struct buf packet = { 0 };
    struct wire_message m = { .type = WIRE_STREAM, .text = SLICE_LIT("x") };
    m.begun = slice_of(line, WIRE_BODY_MAX - 2);
    assert_int_equal(wire_write(&m, &packet), 0);
    size_t before = packet.len;
    m.begun.len++;
    assert_int_equal(wire_write(&m, &packet), -EMSGSIZE);
    m = (struct wire_message){ .type = WIRE_FDS, .n_texts = 1 };
    m.texts[0] = slice_of(line, WIRE_TEXT_MAX + 1);
    assert_int_equal(wire_write(&m, &packet), -EMSGSIZE);
    assert_int_equal(packet.len, before);

    /* What is for people is cut. */
    m = (struct wire_message){ .type = WIRE_REFUSE, .text = slice_of(line, WIRE_TEXT_MAX + 1) };
    buf_clear(&packet);
    assert_int_equal(wire_write(&m, &packet), 0);
    assert_int_equal(wire_read(buf_slice(&packet), 0, &m), 0);
    assert_int_equal(m.text.len, WIRE_TEXT_MAX);

    /* All names of a message, as long as they may be. */
    m = (struct wire_message){ .type = WIRE_FDS, .n_texts = WIRE_FDS_MAX };
    for (size_t i = 0; i < WIRE_FDS_MAX; i++)
        m.texts[i] = slice_of(line, WIRE_TEXT_MAX);
    buf_clear(&packet);
    assert_int_equal(wire_write(&m, &packet), 0);
    buf_release(&packet);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(a_part_of_a_message_is_none_nor_is_one_with_more),
        cmocka_unit_test(a_message_has_the_descriptors_of_its_type),
        cmocka_unit_test(another_version_is_told_apart_and_can_still_refuse),
        cmocka_unit_test(changed_bytes_are_a_message_or_none_and_never_more_than_was_sent),
        cmocka_unit_test(what_is_too_long_is_not_written),
    };
    return cmocka_run_group_tests_name("takeover wire", tests, NULL, NULL);
}
