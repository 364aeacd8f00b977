/* Requests that another thread answers: it is woken, takes them in order, answers when it can. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/buf.h"
#include "http/mailbox.h"
#include "support/http_client.h"

/* The test's own thread is the owner. */
struct owner {
    pthread_mutex_t lock;
    pthread_cond_t woken;
    size_t wakes;
    struct http_mailbox mailbox;
    struct http_route route;
    struct http_server *server;
};

static void wake(void *cookie)
{
    struct owner *o = cookie;
    pthread_mutex_lock(&o->lock);
    o->wakes++;
    pthread_cond_signal(&o->woken);
    pthread_mutex_unlock(&o->lock);
}

static void await_wakes(struct owner *o, size_t n)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += CLIENT_PATIENCE_S;
    pthread_mutex_lock(&o->lock);
    while (o->wakes < n)
        assert_int_equal(pthread_cond_timedwait(&o->woken, &o->lock, &until), 0);
    pthread_mutex_unlock(&o->lock);
}

static int open_owner(void **state)
{
    static struct owner o;
    const char *error = "";
    o = (struct owner){ 0 };
    pthread_mutex_init(&o.lock, NULL);
    pthread_cond_init(&o.woken, NULL);
    http_mailbox_init(&o.mailbox, wake, &o);
    o.route = (struct http_route){
        .path = "/box/",
        .prefix = true,
        .ask = http_mailbox_ask,
        .cookie = &o.mailbox,
    };
    struct http_opts opts = { .listen = "127.0.0.1:0", .routes = &o.route, .n_routes = 1 };
    if (http_start(&opts, &o.server, &error) != 0)
        fail_msg("%s", error);
    *state = &o;
    return 0;
}

static int close_owner(void **state)
{
    struct owner *o = *state;
    http_mailbox_close(&o->mailbox);
    http_stop(o->server);
    http_mailbox_release(&o->mailbox);
    pthread_cond_destroy(&o->woken);
    pthread_mutex_destroy(&o->lock);
    return 0;
}

static int ask(const struct owner *o, unsigned number)
{
    char path[64];
    snprintf(path, sizeof path, "/box/%u?square=%u", number, number * number);
    return client_ask(http_address(o->server), "GET", path);
}

/* What the path and the argument say, read on the owner's thread. */
static void answer(struct http_request *r)
{
    struct buf text = { 0 };
    buf_printf(&text, "%s %s", http_request_path(r), http_request_arg(r, "square"));
    struct http_body *body = http_body_take("text/plain", text.ptr, text.len);
    http_answer(r, 200, body);
    http_body_unref(body);
}

static void the_owner_takes_requests_in_their_order_and_answers_when_it_can(void **state)
{
    struct owner *o = *state;
    enum { ROUNDS = 5, EACH = 20 };
    int fds[ROUNDS * EACH];
    unsigned n = 0;
    struct http_request *kept = NULL;
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct http_request *const *taken;
        for (unsigned i = 0; i < EACH; i++, n++) {
            fds[n] = ask(o, n);
            await_wakes(o, n + 1); /* so that they come in a known order */
        }
        assert_int_equal(http_mailbox_take(&o->mailbox, &taken), EACH);
        for (unsigned i = 0; i < EACH; i++) {
            char path[64];
            snprintf(path, sizeof path, "/box/%u", round * EACH + i);
            assert_string_equal(http_request_path(taken[i]), path);
            if (round == 0 && i == 0)
                kept = taken[i];
            else
                answer(taken[i]);
        }
        assert_int_equal(http_mailbox_take(&o->mailbox, &taken), 0);
        for (unsigned i = round * EACH; i < n; i++) {
            char body[64];
            snprintf(body, sizeof body, "/box/%u %u", i, i * i);
            if (i > 0)
                client_expect(fds[i], 200, body);
        }
    }
    answer(kept);
    client_expect(fds[0], 200, "/box/0 0");
}

static void whoever_asks_a_closed_mailbox_gets_503(void **state)
{
    struct owner *o = *state;
    int waits = ask(o, 1);
    await_wakes(o, 1);
    http_mailbox_close(&o->mailbox);
    client_expect(waits, 503, "");
    client_expect(ask(o, 2), 503, "");
    assert_int_equal(o->wakes, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            the_owner_takes_requests_in_their_order_and_answers_when_it_can, open_owner,
            close_owner),
        cmocka_unit_test_setup_teardown(whoever_asks_a_closed_mailbox_gets_503, open_owner,
                                        close_owner),
    };
    return cmocka_run_group_tests_name("mailbox", tests, NULL, NULL);
}
