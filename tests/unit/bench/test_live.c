/* What a master and its workers say to each other. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "live/count.h"
#include "live/token.h"
#include "live/wire.h"

static struct wire wire;
static int peer;

static int setup(void **state)
{
    (void)state;
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
        return -1;
    wire_open(&wire, pair[0]);
    peer = pair[1];
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    wire_close(&wire);
    close(peer);
    return 0;
}

static void say(const char *text, size_t n)
{
    assert_int_equal(send(peer, text, n, 0), (ssize_t)n);
}

static void objects_come_whole_however_they_are_cut(void **state)
{
    (void)state;
    static const char text[] = "{\"a\":1}\n{\"a\":2}\n";
    json_t *o;
    int seen = 0;
    for (size_t i = 0; i < sizeof text - 1; i++) {
        say(text + i, 1);
        assert_int_equal(wire_fill(&wire), 0);
        assert_int_equal(wire_next(&wire, &o), 0);
        seen += o != NULL;
        assert_int_equal(json_integer_value(json_object_get(o, "a")), o != NULL ? seen : 0);
        json_decref(o);
    }
    assert_int_equal(seen, 2);
}

static void a_line_that_is_no_object_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = { "\n", "{\n", "[1]\n", "1\n", "GET / HTTP/1.1\r\n" };
    json_t *o;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        say(bad[i], strlen(bad[i]));
        assert_int_equal(wire_fill(&wire), 0);
        assert_int_equal(wire_next(&wire, &o), -EPROTO);
        assert_null(o);
    }
}

static void a_line_without_end_is_bounded(void **state)
{
    (void)state;
    char a[4096];
    int rc = 0;
    memset(a, 'a', sizeof a);
    for (size_t sent = 0; rc == 0 && sent < 4 * WIRE_LINE_MAX; sent += sizeof a) {
        say(a, sizeof a);
        rc = wire_fill(&wire);
    }
    assert_int_equal(rc, -EMSGSIZE);
}

static void a_peer_that_ends_or_does_not_read_is_told(void **state)
{
    (void)state;
    int rc = 0;
    for (int i = 0; rc == 0 && i < 100000; i++)
        rc = wire_put(&wire, json_pack("{s:i}", "i", i));
    assert_int_equal(rc, -EAGAIN);
    shutdown(peer, SHUT_RDWR);
    assert_int_equal(wire_fill(&wire), -EPIPE);
}

static void a_proof_is_of_one_side_one_token_and_both_challenges(void **state)
{
    (void)state;
    const struct token token = { "0123456789abcdef" }, other = { "0123456789abcdeF" };
    char proof[PROOF_TEXT], same[PROOF_TEXT], another[PROOF_TEXT];
    proof_make(&token, "master", "a", "b", proof);
    proof_make(&token, "master", "a", "b", same);
    assert_true(proof_holds(proof, same));
    proof_make(&token, "worker", "a", "b", another);
    assert_false(proof_holds(proof, another));
    proof_make(&token, "master", "b", "a", another);
    assert_false(proof_holds(proof, another));
    proof_make(&other, "master", "a", "b", another);
    assert_false(proof_holds(proof, another));
    assert_false(proof_holds(proof, NULL));
    assert_false(proof_holds(proof, ""));
}

static void only_this_machine_does_without_a_token(void **state)
{
    (void)state;
    assert_true(token_is_optional("127.0.0.1:8088"));
    assert_true(token_is_optional("[::1]:8088"));
    assert_false(token_is_optional("0.0.0.0:8088"));
    assert_false(token_is_optional("10.0.0.1:8088"));
    assert_false(token_is_optional("[2001:db8::1]:8088"));
    assert_false(token_is_optional("nowhere"));
}

static void what_was_sent_is_read_back_and_summed(void **state)
{
    (void)state;
    const struct tally_totals t = { .lines = 7, .datagrams = 3, .increments = 2.5, .error = 111 };
    struct tally_totals got, none;
    json_t *o = count_json(&t);
    count_read(o, &got);
    assert_memory_equal(&got, &t, sizeof t);
    count_add(&got, &t);
    assert_int_equal(got.lines, 14);
    assert_int_equal(got.error, 111);
    json_object_set_new(o, "lines", json_integer(-5));
    json_object_set_new(o, "datagrams", json_string("many"));
    count_read(o, &none);
    assert_int_equal(none.lines + none.datagrams, 0);
    json_decref(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(objects_come_whole_however_they_are_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(a_line_that_is_no_object_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_line_without_end_is_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(a_peer_that_ends_or_does_not_read_is_told, setup, teardown),
        cmocka_unit_test(a_proof_is_of_one_side_one_token_and_both_challenges),
        cmocka_unit_test(only_this_machine_does_without_a_token),
        cmocka_unit_test(what_was_sent_is_read_back_and_summed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
