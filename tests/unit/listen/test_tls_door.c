/* The certificate of a listener, and how many handshakes it begins in a second. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "listen/tls_door.h"
#include "support/certs.h"
#include "tls/bundle.h"

static struct listen_address address = { .tls_cert = "cert.pem",
                                         .tls_key = "key.pem",
                                         .tls_handshakes_per_second = 3,
                                         .max_connections = 100 };
static struct stream_counts counts;
static struct tls_door *door;

static int make(void **state)
{
    (void)state;
    certs_dir_enter();
    struct cert c = cert_make(&(struct cert_spec){ .name = "server" });
    certs_write("cert.pem", &c, 1);
    cert_key_write("key.pem", &c);
    cert_release(&c);
    return 0;
}

static int drop(void **state)
{
    (void)state;
    certs_dir_leave();
    return 0;
}

static int open_door(void **state)
{
    struct buf error = { 0 };
    (void)state;
    memset(&counts, 0, sizeof counts);
    assert_int_equal(tls_door_open(&address, &counts, &door, &error), 0);
    assert_int_equal(error.len, 0);
    return 0;
}

static int close_door(void **state)
{
    (void)state;
    tls_door_free(door);
    return 0;
}

static void as_many_handshakes_begin_in_a_second_as_may(void **state)
{
    (void)state;
    for (uint64_t second = 1000000; second < 1003000; second += 1000) {
        for (int i = 0; i < 3; i++) {
            assert_int_equal(tls_door_rest_ms(door, second + 10), 0);
            assert_non_null(tls_door_begin(door));
        }
        assert_int_equal(tls_door_rest_ms(door, second + 10), 1000);
        assert_int_equal(tls_door_rest_ms(door, second + 400), 610);
        assert_int_equal(tls_door_rest_ms(door, second + 1009), 1);
    }
}

static void a_second_begins_when_it_is_needed(void **state)
{
    (void)state;
    assert_int_equal(tls_door_rest_ms(door, 5000), 0);
    (void)tls_door_begin(door);
    /* After a silence the full number may come at once. */
    assert_int_equal(tls_door_rest_ms(door, 99000), 0);
    for (int i = 0; i < 3; i++)
        (void)tls_door_begin(door);
    assert_int_equal(tls_door_rest_ms(door, 99001), 999);
}

static void handshakes_under_way_are_as_many_as_begin_while_one_lasts(void **state)
{
    struct listen_address a = address;
    (void)state;
    assert_int_equal(tls_door_handshakes(&a), 6 * 3);
    a.max_connections = 10;
    assert_int_equal(tls_door_handshakes(&a), 10);
}

static void a_client_ca_makes_certificates_of_clients_needed(void **state)
{
    struct listen_address a = address;
    (void)state;
    assert_int_equal(tls_door_opts(&a).client_auth, TLS_CLIENT_NONE);
    assert_null(tls_door_opts(&a).ca_file);
    strcpy(a.tls_client_ca, "ca.pem");
    assert_int_equal(tls_door_opts(&a).client_auth, TLS_CLIENT_REQUIRE_VERIFY);
    assert_string_equal(tls_door_opts(&a).ca_file, "ca.pem");
}

static void what_was_loaded_is_counted(void **state)
{
    (void)state;
    assert_true(counts.tls.expires_s > time(NULL));
    tls_door_look(door);
    assert_int_equal(counts.tls.reloads_ok, 0);
    tls_door_reload(door);
    assert_int_equal(counts.tls.reloads_ok, 1);
    text_write("key.pem", "nothing");
    tls_door_reload(door);
    assert_int_equal(counts.tls.reloads_failed, 1);
    assert_true(counts.tls.expires_s > time(NULL));
}

static void wrong_files_are_told_in_one_line(void **state)
{
    struct listen_address a = address;
    struct buf error = { 0 };
    struct tls_door *none = NULL;
    (void)state;
    strcpy(a.tls_cert, "no.pem");
    strcpy(a.tls_key, "no.key");
    assert_true(tls_door_open(&a, &counts, &none, &error) < 0);
    assert_null(none);
    buf_append_char(&error, '\0');
    assert_string_equal(error.ptr, "no.pem: cannot be read: No such file or directory; "
                                   "no.key: cannot be read: No such file or directory");
    buf_release(&error);
    tls_door_free(NULL);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, open_door, close_door)
    const struct CMUnitTest tests[] = {
        CASE(as_many_handshakes_begin_in_a_second_as_may),
        CASE(a_second_begins_when_it_is_needed),
        CASE(handshakes_under_way_are_as_many_as_begin_while_one_lasts),
        CASE(a_client_ca_makes_certificates_of_clients_needed),
        CASE(what_was_loaded_is_counted),
        cmocka_unit_test(wrong_files_are_told_in_one_line),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
