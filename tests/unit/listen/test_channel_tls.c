/* A TLS channel as the stream source uses it, over a socketpair. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "listen/channel_tls.h"
#include "support/certs.h"
#include "tls/bundle.h"
#include "tls/session.h"

static struct tls_bundle *server, *clients;
static struct tls_session *client;
static struct channel channel;
static int client_fd;

static struct tls_bundle *load(struct tls_opts o)
{
    struct tls_bundle *b = NULL;
    struct buf said = { 0 };
    assert_int_equal(tls_bundle_load(&o, time(NULL), &b, &said, &said), 0);
    buf_release(&said);
    return b;
}

static int make(void **state)
{
    (void)state;
    certs_dir_enter();
    struct cert c = cert_make(&(struct cert_spec){ .name = "server" });
    certs_write("cert.pem", &c, 1);
    cert_key_write("key.pem", &c);
    cert_release(&c);
    server = load((struct tls_opts){ .cert_file = "cert.pem", .key_file = "key.pem" });
    clients = load((struct tls_opts){ .side = TLS_CLIENT, .ca_file = "cert.pem" });
    return 0;
}

static int drop(void **state)
{
    (void)state;
    tls_bundle_drop(server);
    tls_bundle_drop(clients);
    certs_dir_leave();
    return 0;
}

static int begin(void **state)
{
    int fds[2];
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    client_fd = fds[0];
    client = tls_session_new(clients, client_fd, NULL);
    channel = channel_tls(fds[1], server);
    return 0;
}

static int end(void **state)
{
    (void)state;
    channel.ops->close(&channel);
    tls_session_free(client);
    if (client_fd >= 0)
        close(client_fd);
    return 0;
}

static char bytes[65536];

static ssize_t read_channel(size_t room)
{
    assert_true(room <= sizeof bytes);
    return channel.ops->read(&channel, bytes, room);
}

static void shake_hands(void)
{
    enum tls_result r = TLS_WANT_READ;
    for (int i = 0; i < 10 && (r != TLS_DONE || channel_handshake(&channel) != CHANNEL_OPEN); i++) {
        if (r != TLS_DONE)
            r = tls_session_handshake(client);
        assert_int_equal(read_channel(sizeof bytes), -EAGAIN);
    }
    assert_int_equal(channel_handshake(&channel), CHANNEL_OPEN);
}

static void say(const char *text, size_t len)
{
    size_t n;
    assert_int_equal(tls_session_write(client, text, len, &n), TLS_DONE);
    assert_int_equal(n, len);
}

static void leave(void)
{
    close(client_fd);
    client_fd = -1;
}

static void a_handshake_is_driven_by_reads(void **state)
{
    (void)state;
    assert_int_equal(channel_handshake(&channel), CHANNEL_BEGINS);
    assert_int_equal(read_channel(100), -EAGAIN);
    assert_int_equal(channel_handshake(&channel), CHANNEL_BEGINS);
    assert_int_equal(tls_session_handshake(client), TLS_WANT_READ);
    assert_int_equal(read_channel(100), -EAGAIN);
    assert_int_equal(channel_handshake(&channel), CHANNEL_ANSWERED);
    assert_int_equal(channel.ops->events(&channel), EPOLLIN);
    assert_int_equal(tls_session_handshake(client), TLS_DONE);
    say("hits:1|c\n", 9); /* together with the end of the handshake */
    assert_int_equal(read_channel(100), 9);
    assert_int_equal(channel_handshake(&channel), CHANNEL_OPEN);
}

/* Its first hello has no key that we take: it is asked for another, and answered after that one. */
static void a_client_that_is_asked_for_another_hello_is_not_answered_yet(void **state)
{
    static const char *const curves[] = { "CurveP521", "CurveP256" };
    struct tls_bundle *b = load((struct tls_opts){
        .side = TLS_CLIENT, .ca_file = "cert.pem", .curves = curves, .n_curves = 2 });
    (void)state;
    tls_session_free(client);
    client = tls_session_new(b, client_fd, NULL);
    tls_bundle_drop(b);
    assert_int_equal(tls_session_handshake(client), TLS_WANT_READ);
    assert_int_equal(read_channel(100), -EAGAIN);
    assert_true(recv(client_fd, bytes, sizeof bytes, MSG_PEEK) > 0);
    assert_int_equal(channel_handshake(&channel), CHANNEL_BEGINS);
    assert_int_equal(tls_session_handshake(client), TLS_WANT_READ);
    assert_int_equal(read_channel(100), -EAGAIN);
    assert_int_equal(channel_handshake(&channel), CHANNEL_ANSWERED);
    assert_int_equal(tls_session_handshake(client), TLS_DONE);
    assert_int_equal(read_channel(100), -EAGAIN);
    assert_int_equal(channel_handshake(&channel), CHANNEL_OPEN);
}

static void one_read_takes_as_many_records_as_surely_fit(void **state)
{
    (void)state;
    shake_hands();
    for (int i = 0; i < 100; i++)
        say("hits:1|c\n", 9);
    assert_int_equal(read_channel(sizeof bytes), 900);
    assert_false(channel.ops->more(&channel, sizeof bytes, 900));
    assert_int_equal(channel.ops->pending(&channel), 0);
    say("0123456789", 10);
    assert_int_equal(read_channel(4), 4);
    assert_int_equal(channel.ops->pending(&channel), 6);
    assert_true(channel.ops->more(&channel, 4, 4));
}

/* The kernel has nothing more then: who waits for it waits for ever. */
static void an_end_that_was_met_behind_bytes_is_pending(void **state)
{
    (void)state;
    shake_hands();
    say("hits:1|c\n", 9);
    assert_int_equal(tls_session_bye(client), TLS_DONE);
    assert_int_equal(read_channel(sizeof bytes), 9);
    assert_true(channel.ops->pending(&channel) > 0);
    assert_true(channel.ops->more(&channel, sizeof bytes, 9));
    assert_int_equal(read_channel(sizeof bytes), 0);
}

static void an_end_without_a_goodbye_is_told_apart(void **state)
{
    (void)state;
    shake_hands();
    say("hits:1|c\n", 9);
    leave();
    assert_int_equal(read_channel(sizeof bytes), 9);
    assert_int_equal(read_channel(sizeof bytes), -ECONNABORTED);
    assert_null(channel.ops->error(&channel));
}

static void who_leaves_before_a_word_is_no_error(void **state)
{
    (void)state;
    leave();
    assert_int_equal(read_channel(100), -ECONNABORTED);
    assert_null(channel.ops->error(&channel));
}

static void plain_text_is_an_error_with_its_reason(void **state)
{
    (void)state;
    assert_int_equal(write(client_fd, "hits:1|c\n", 9), 9);
    assert_int_equal(read_channel(100), -EPROTO);
    assert_string_equal(channel.ops->error(&channel), "plain text instead of TLS");
    assert_int_equal(read_channel(100), -EPROTO);
}

static void closing_says_goodbye(void **state)
{
    size_t n;
    (void)state;
    shake_hands();
    channel.ops->close(&channel);
    assert_int_equal(tls_session_read(client, bytes, sizeof bytes, &n), TLS_CLOSED);
    tls_session_free(client);
    leave();
    begin(state); /* for end */
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, end)
    const struct CMUnitTest tests[] = {
        CASE(a_handshake_is_driven_by_reads),
        CASE(a_client_that_is_asked_for_another_hello_is_not_answered_yet),
        CASE(one_read_takes_as_many_records_as_surely_fit),
        CASE(an_end_that_was_met_behind_bytes_is_pending),
        CASE(an_end_without_a_goodbye_is_told_apart),
        CASE(who_leaves_before_a_word_is_no_error),
        CASE(plain_text_is_an_error_with_its_reason),
        CASE(closing_says_goodbye),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
