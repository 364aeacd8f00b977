/* Files that change while the server runs. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/certs.h"
#include "tls/store.h"

static struct cert one, two;
static struct tls_store *store;
static struct buf said;

static int make(void **state)
{
    (void)state;
    certs_dir_enter();
    one = cert_make(&(struct cert_spec){ .name = "one" });
    two = cert_make(&(struct cert_spec){ .name = "two" });
    return 0;
}

static int drop(void **state)
{
    (void)state;
    cert_release(&one);
    cert_release(&two);
    certs_dir_leave();
    return 0;
}

static int open_store(void **state)
{
    (void)state;
    certs_write("cert.pem", &one, 1);
    cert_key_write("key.pem", &one);
    char cert[] = "cert.pem", key[] = "key.pem";
    struct tls_opts o = { .cert_file = cert, .key_file = key };
    assert_int_equal(tls_store_open(&o, time(NULL), &store, &said, &said), 0);
    memset(cert, 'x', sizeof cert - 1); /* the store has its own copies */
    memset(key, 'x', sizeof key - 1);
    return 0;
}

static int close_store(void **state)
{
    (void)state;
    tls_store_free(store);
    buf_release(&said);
    return 0;
}

static enum tls_loaded look(void)
{
    return tls_store_look(store, time(NULL), &said, &said);
}

static void renew_by_rename(const struct cert *c)
{
    certs_write("cert.new", c, 1);
    assert_int_equal(rename("cert.new", "cert.pem"), 0);
    cert_key_write("key.new", c);
    assert_int_equal(rename("key.new", "key.pem"), 0);
}

static void files_that_stay_are_not_loaded_again(void **state)
{
    struct tls_bundle *was = tls_store_current(store);
    (void)state;
    for (int i = 0; i < 5; i++)
        assert_int_equal(look(), TLS_UNCHANGED);
    assert_ptr_equal(tls_store_current(store), was);
    assert_int_equal(tls_store_reloads(store).ok, 0);
}

static void a_renewed_pair_is_loaded_once_it_has_settled(void **state)
{
    struct tls_bundle *was = tls_bundle_ref(tls_store_current(store));
    (void)state;
    renew_by_rename(&two);
    assert_int_equal(look(), TLS_UNCHANGED);
    assert_ptr_equal(tls_store_current(store), was);
    assert_int_equal(look(), TLS_LOADED);
    assert_ptr_not_equal(tls_store_current(store), was);
    assert_int_equal(look(), TLS_UNCHANGED);
    assert_int_equal(tls_store_reloads(store).ok, 1);
    assert_int_equal(said.len, 0);
    tls_bundle_drop(was);
}

static void a_pair_that_is_half_renewed_at_one_look_is_no_mistake(void **state)
{
    (void)state;
    certs_write("cert.pem", &two, 1);
    assert_int_equal(look(), TLS_UNCHANGED);
    cert_key_write("key.pem", &two);
    assert_int_equal(look(), TLS_UNCHANGED);
    assert_int_equal(look(), TLS_LOADED);
    assert_int_equal(tls_store_reloads(store).failed, 0);
}

static void wrong_files_leave_the_last_good_bundle_and_are_told_once(void **state)
{
    struct tls_bundle *was = tls_store_current(store);
    (void)state;
    cert_key_write("key.pem", &two);
    assert_int_equal(look(), TLS_UNCHANGED);
    assert_int_equal(look(), TLS_NOT_LOADED);
    assert_ptr_equal(tls_store_current(store), was);
    buf_append_char(&said, '\0');
    assert_non_null(strstr(said.ptr, "key.pem: is not the key of the certificate cert.pem"));
    for (int i = 0; i < 3; i++)
        assert_int_equal(look(), TLS_UNCHANGED);
    unlink("cert.pem");
    assert_int_equal(look(), TLS_UNCHANGED);
    assert_int_equal(look(), TLS_NOT_LOADED);
    assert_int_equal(tls_store_reloads(store).failed, 2);
    renew_by_rename(&two);
    assert_int_equal(look(), TLS_UNCHANGED);
    assert_int_equal(look(), TLS_LOADED);
    assert_int_equal(tls_store_reloads(store).ok, 1);
}

static void who_asks_need_not_wait(void **state)
{
    (void)state;
    renew_by_rename(&two);
    assert_int_equal(tls_store_reload(store, time(NULL), &said, &said), TLS_LOADED);
    assert_int_equal(look(), TLS_UNCHANGED);
    cert_key_write("key.pem", &one);
    assert_int_equal(tls_store_reload(store, time(NULL), &said, &said), TLS_NOT_LOADED);
    assert_int_equal(tls_store_reloads(store).ok, 1);
    assert_int_equal(tls_store_reloads(store).failed, 1);
}

static void a_store_is_not_opened_on_wrong_files(void **state)
{
    struct tls_store *s = NULL;
    struct tls_opts o = { .cert_file = "cert.pem", .key_file = "none" };
    (void)state;
    assert_int_equal(tls_store_open(&o, time(NULL), &s, &said, &said), -EINVAL);
    assert_null(s);
    tls_store_free(NULL);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, open_store, close_store)
    const struct CMUnitTest tests[] = {
        CASE(files_that_stay_are_not_loaded_again),
        CASE(a_renewed_pair_is_loaded_once_it_has_settled),
        CASE(a_pair_that_is_half_renewed_at_one_look_is_no_mistake),
        CASE(wrong_files_leave_the_last_good_bundle_and_are_told_once),
        CASE(who_asks_need_not_wait),
        CASE(a_store_is_not_opened_on_wrong_files),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
