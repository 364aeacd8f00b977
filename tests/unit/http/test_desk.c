/* Requests at the desk: which turn serves whom. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "http/desk.h"
#include "support/http_client.h"

struct office {
    struct http_desk desk;
    uint64_t turns; /* asked for */
    size_t n_served;
    struct http_server *server;
    struct http_route route;
};

static uint64_t ask_turn(void *office)
{
    return ++((struct office *)office)->turns;
}

static void serve(void *office, struct http_request *const *to, size_t n)
{
    struct office *o = office;
    for (size_t i = 0; i < n; i++)
        http_answer(to[i], 200, NULL);
    o->n_served += n;
}

static void wake(void *office)
{
    (void)office; /* the test looks by itself */
}

static int open_office(void **state)
{
    static struct office o;
    const char *error;
    memset(&o, 0, sizeof o);
    http_desk_init(
        &o.desk,
        &(struct http_desk_opts){
            .ask_turn = ask_turn, .turn_cookie = &o, .serve = serve, .wake = wake, .cookie = &o });
    o.route =
        (struct http_route){ .path = "/x", .ask = http_mailbox_ask, .cookie = &o.desk.mailbox };
    struct http_opts http = { .listen = "127.0.0.1:0", .routes = &o.route, .n_routes = 1 };
    assert_int_equal(http_start(&http, &o.server, &error), 0);
    *state = &o;
    return 0;
}

static int close_office(void **state)
{
    struct office *o = *state;
    http_stop(o->server);
    http_desk_release(&o->desk);
    return 0;
}

/* Another one asks and waits; ends when there are n. */
static int wait_with(struct office *o, size_t n)
{
    int fd = client_ask(http_address(o->server), "GET", "/x");
    while (o->desk.n < n)
        http_desk_look(&o->desk);
    return fd;
}

static void a_turn_serves_who_asked_before_it_began(void **state)
{
    struct office *o = *state;
    int first = wait_with(o, 1), second = wait_with(o, 2), third = wait_with(o, 3);
    assert_int_equal(o->turns, 3);
    http_desk_turned(&o->desk, 0);
    assert_int_equal(o->n_served, 0);
    http_desk_turned(&o->desk, 2);
    assert_int_equal(o->n_served, 2);
    client_expect(first, 200, NULL);
    client_expect(second, 200, NULL);
    http_desk_turned(&o->desk, 2);
    assert_int_equal(o->n_served, 2);
    http_desk_turned(&o->desk, 7);
    assert_int_equal(o->n_served, 3);
    client_expect(third, 200, NULL);
}

static void who_waits_or_comes_when_it_closes_gets_503(void **state)
{
    struct office *o = *state;
    int waits = wait_with(o, 1);
    size_t served = o->n_served;
    http_desk_close(&o->desk);
    client_expect(waits, 503, NULL);
    client_expect(client_ask(http_address(o->server), "GET", "/x"), 503, NULL);
    http_desk_turned(&o->desk, UINT64_MAX);
    assert_int_equal(o->n_served, served);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_turn_serves_who_asked_before_it_began),
        cmocka_unit_test(who_waits_or_comes_when_it_closes_gets_503),
    };
    return cmocka_run_group_tests_name("desk", tests, open_office, close_office);
}
