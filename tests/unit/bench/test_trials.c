/* trials: what ends a search for the highest rate. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "setup.h"
#include "trials.h"

/* A port of this machine that was free a moment ago; or, kept open, one that nobody reads. */
static int open_port(char address[64])
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    snprintf(address, 64, "--to=udp://127.0.0.1:%d", ntohs(a.sin_port));
    return fd;
}

/* Searches from 1,000 lines a second, in trials of 0.2 s; the receiver's port says nothing of
 * losses unless it is asked. */
static void search(char *address, bool ask_port, struct trials *t, struct run_result *result)
{
    char name[] = "b", find[] = "--find-max", rate[] = "--rate=1k", trial[] = "--trial=200ms";
    char quiet[] = "--quiet";
    char *argv[] = { name, find, rate, trial, quiet, address, NULL };
    struct buf error = { 0 };
    struct opts o;
    struct setup s;
    struct status status;
    assert_int_equal(opts_parse(6, argv, &o, &error), 0);
    assert_true(setup_init(&s, &o, 0));
    status_init(&status, true, false);
    s.run.wait = status_wait;
    s.run.cookie = &status;
    if (!ask_port)
        s.run.probe.port = 0;
    assert_int_equal(trials_run(t, &o, &s.run, &status, result), 0);
    setup_release(&s);
}

static void a_search_where_nobody_listens_ends_with_the_first_trial(void **state)
{
    (void)state;
    char address[64];
    struct trials t = { 0 };
    struct run_result result = { 0 };
    close(open_port(address));
    search(address, true, &t, &result);
    assert_int_equal(t.n, 1);
    assert_string_equal(t.at[0].verdict, "nobody listens there");
    assert_true(t.best_rate == 0 && result.sent.nobody);
    run_release(&result);
    trials_release(&t);
}

static void a_search_that_knows_no_loss_asks_for_metrics(void **state)
{
    (void)state;
    char address[64];
    struct trials t = { 0 };
    struct run_result result = { 0 };
    int fd = open_port(address);
    search(address, false, &t, &result);
    assert_int_equal(t.n, 1);
    assert_string_equal(t.at[0].verdict, "loss is not known: give --metrics");
    assert_true(isnan(t.at[0].loss) && t.best_rate == 0);
    close(fd);
    run_release(&result);
    trials_release(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_search_where_nobody_listens_ends_with_the_first_trial),
        cmocka_unit_test(a_search_that_knows_no_loss_asks_for_metrics),
    };
    return cmocka_run_group_tests_name("trials", tests, NULL, NULL);
}
