#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "listen/adopt.h"
#include "listen/dgram.h"

enum { MANY = LISTEN_WORKERS_MAX + 1 };

static char dir[] = "/tmp/test_adopt.XXXXXX";

static int make_dir(void **unused)
{
    (void)unused;
    return mkdtemp(dir) == NULL ? -1 : 0;
}

static int remove_dir(void **unused)
{
    (void)unused;
    return rmdir(dir);
}

static struct listen_address address(const char *url)
{
    static const struct listen_address defaults = { .mode = LISTEN_MODE_DEFAULT };
    struct listen_address a;
    struct buf error = { 0 };
    assert_int_equal(socket_url_parse(slice_str(url), &defaults, &a, &error), 0);
    buf_release(&error);
    return a;
}

/* A manager: it keeps the sockets that it gives. */
struct giver {
    int fds[MANY];
    unsigned n;
    char url[128];
};

static void give_udp(struct giver *g, unsigned n)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    const int on = 1;
    *g = (struct giver){ .n = n };
    for (unsigned i = 0; i < n; i++) {
        socklen_t len = sizeof at;
        g->fds[i] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        assert_true(g->fds[i] >= 0);
        if (n > 1)
            setsockopt(g->fds[i], SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
        assert_int_equal(bind(g->fds[i], (struct sockaddr *)&at, sizeof at), 0);
        assert_int_equal(getsockname(g->fds[i], (struct sockaddr *)&at, &len), 0);
    }
    snprintf(g->url, sizeof g->url, "udp://127.0.0.1:%u", ntohs(at.sin_port));
}

static void give_unix(struct giver *g, int type)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    *g = (struct giver){ .n = 1 };
    snprintf(at.sun_path, sizeof at.sun_path, "%s/s", dir);
    g->fds[0] = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(g->fds[0], (struct sockaddr *)&at, sizeof at), 0);
    if (type == SOCK_STREAM)
        assert_int_equal(listen(g->fds[0], 5), 0);
    snprintf(g->url, sizeof g->url, "%s://%s", type == SOCK_STREAM ? "unix" : "unixgram",
             at.sun_path);
}

static void take_back(struct giver *g)
{
    for (unsigned i = 0; i < g->n; i++)
        close(g->fds[i]);
    if (strstr(g->url, "unix") == g->url)
        unlink(strchr(g->url, '/') + 2);
}

static void inherit(const struct giver *g, const char *name, bool kept, struct inherited *list)
{
    for (unsigned i = 0; i < g->n; i++)
        inherited_add(list, fcntl(g->fds[i], F_DUPFD_CLOEXEC, 0), name, kept);
}

static void adopt(const char *url, unsigned workers, struct inherited *list, struct listener *l)
{
    const struct listen_address a = address(url);
    struct buf error = { 0 };
    assert_int_equal(adopt_listeners(&a, 1, workers, list, l, &error), 0);
    buf_release(&error);
}

static void open_rest(const char *url, unsigned workers, struct listener *l)
{
    const struct listen_address a = address(url);
    struct buf error = { 0 };
    assert_int_equal(listener_open_rest(&a, 1, workers, l, &error), 0);
    buf_release(&error);
}

static void send_to(const struct giver *g, const char *text)
{
    struct sockaddr_storage at;
    socklen_t len = sizeof at;
    assert_int_equal(getsockname(g->fds[0], (struct sockaddr *)&at, &len), 0);
    int fd = socket(at.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(sendto(fd, text, strlen(text), 0, (struct sockaddr *)&at, len), strlen(text));
    close(fd);
}

static unsigned drain(const int *fds, unsigned n)
{
    char buf[256];
    unsigned sum = 0;
    for (unsigned i = 0; i < n; i++)
        while (recv(fds[i], buf, sizeof buf, MSG_DONTWAIT) >= 0)
            sum++;
    return sum;
}

/* ---- ---- */

static void all_sockets_of_a_group_are_taken_whatever_the_number_of_workers(void **unused)
{
    (void)unused;
    static const struct {
        unsigned sockets, workers, stride;
    } rows[] = { { 1, 1, 0 }, { 4, 4, 0 }, { 4, 1, 1 }, { 5, 2, 2 }, { 1, 4, 0 }, { 3, 4, 0 } };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct giver g;
        struct inherited list = { 0 };
        struct listener l;
        give_udp(&g, rows[i].sockets);
        inherit(&g, "unit", true, &list);
        adopt(g.url, rows[i].workers, &list, &l);
        open_rest(g.url, rows[i].workers, &l); /* others' sockets get no company */
        assert_null(inherited_left(&list));
        assert_int_equal(l.n, rows[i].sockets);
        assert_int_equal(l.n_before, rows[i].sockets);
        assert_int_equal(l.n_readers, rows[i].sockets);
        assert_int_equal(l.stride, rows[i].stride);
        assert_true(l.kept && !l.own);
        unsigned read = 0; /* each socket has one worker */
        for (unsigned w = 0; w < rows[i].workers; w++)
            for (int at = listener_place_of(&l, w); at >= 0; at = listener_place_after(&l, at)) {
                assert_int_equal((unsigned)at % rows[i].workers, w);
                read++;
            }
        assert_int_equal(read, rows[i].sockets);
        listener_close(&l);
        inherited_release(&list);
        take_back(&g);
    }
}

static void what_a_worker_reads_of_several_sockets_is_known_by_their_places(void **unused)
{
    (void)unused;
    static struct listener l = { .n = 5, .n_readers = 5, .stride = 2 };
    static const uint16_t places[] = { 7, 3, 8, 4, 9 };
    struct socket_stats of_worker[10] = { 0 };
    memcpy(l.places, places, sizeof places);
    for (unsigned i = 0; i < 10; i++)
        of_worker[i].datagrams = i;
    listener_take_stats(&l, 0, of_worker);
    listener_take_stats(&l, 1, of_worker);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(l.stats[i].datagrams, places[i]);
        assert_ptr_equal(listener_at(&l, 1, i % 2, places[i]), &l);
        assert_null(listener_at(&l, 1, 1 - i % 2, places[i]));
    }
    assert_int_equal(listener_place_of(&l, 2), -1);
}

static void neither_refusing_nor_closing_does_anything_to_what_others_keep(void **unused)
{
    (void)unused;
    for (int kind = 0; kind < 2; kind++) {
        struct giver g;
        struct inherited list = { 0 };
        struct listener l;
        if (kind == 0)
            give_udp(&g, 2);
        else
            give_unix(&g, SOCK_DGRAM);
        inherit(&g, "unit", true, &list);
        adopt(g.url, 1, &list, &l);
        send_to(&g, "before");
        listener_refuse(&l);
        send_to(&g, "while");
        listener_close(&l);
        send_to(&g, "after");
        assert_int_equal(drain(g.fds, g.n), 3);
        inherited_release(&list);
        take_back(&g);
    }
}

static void a_stream_listener_that_is_kept_goes_on_listening(void **unused)
{
    (void)unused;
    struct giver g;
    struct inherited list = { 0 };
    struct listener l;
    give_unix(&g, SOCK_STREAM);
    inherit(&g, "unit", true, &list);
    adopt(g.url, 3, &list, &l);
    assert_int_equal(l.n_readers, 3);
    assert_int_equal(listener_look(&l), LISTENER_FILE_THERE);
    listener_refuse(&l);
    listener_close(&l);
    struct sockaddr_un at;
    socklen_t len = sizeof at;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(getsockname(g.fds[0], (struct sockaddr *)&at, &len), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, len), 0);
    close(fd);
    inherited_release(&list);
    take_back(&g);
}

static void what_an_earlier_reader_set_is_undone(void **unused)
{
    (void)unused;
    struct giver g;
    struct inherited list = { 0 };
    struct listener l;
    struct sock_filter first[] = { { BPF_RET | BPF_K, 0, 0, 0 } };
    struct sock_fprog program = { 1, first };
    int value;
    socklen_t len = sizeof value;
    give_udp(&g, 3);
    assert_int_equal(
        setsockopt(g.fds[0], SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof program), 0);
    assert_int_equal(dgram_stamp(g.fds[1], true), 0);
    const int small = 4096, large = 100000;
    setsockopt(g.fds[1], SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    setsockopt(g.fds[2], SOL_SOCKET, SO_RCVBUF, &large, sizeof large);
    int was = dgram_rcvbuf(g.fds[2]);
    inherit(&g, "unit", true, &list);
    char url[160];
    snprintf(url, sizeof url, "%s?rcvbuf=16KiB", g.url);
    adopt(url, 3, &list, &l);
    assert_int_equal(getsockopt(g.fds[1], SOL_SOCKET, SO_TIMESTAMPNS, &value, &len), 0);
    assert_int_equal(value, 0);
    assert_int_equal(dgram_rcvbuf(g.fds[2]), was); /* never smaller */
    if (geteuid() == 0)
        assert_int_equal(dgram_rcvbuf(g.fds[1]), 2 * (16 << 10));
    for (unsigned i = 0; i < 3; i++)
        assert_true(fcntl(l.fds[i], F_GETFL) & O_NONBLOCK);
    unsigned of_first = 0, of_others = 0;
    for (int i = 0; i < 200; i++) {
        send_to(&g, "x");
        of_first += drain(l.fds, 1);
        of_others += drain(&l.fds[1], 2);
    }
    assert_int_equal(of_first + of_others, 200);
    assert_true(of_others > 0); /* the program sent all to the first */
    listener_close(&l);
    inherited_release(&list);
    take_back(&g);
}

static void our_own_sockets_of_an_earlier_run_are_found_by_name_and_grow(void **unused)
{
    (void)unused;
    static const char url[] = "udp://127.0.0.1:0";
    for (unsigned before = 1; before <= 2; before++) {
        struct giver g;
        struct inherited list = { 0 };
        struct listener l;
        char name[INHERITED_NAME_MAX];
        give_udp(&g, before);
        inherited_own_name(url, name);
        inherit(&g, name, true, &list);
        adopt(url, 3, &list, &l);
        assert_true(l.own && l.kept);
        assert_string_equal(l.kept_as, name);
        open_rest(url, 3, &l);
        assert_int_equal(l.n, 3);
        assert_int_equal(l.n_before, before);
        assert_int_equal(l.n_readers, 3);
        assert_string_equal(l.address.name, g.url); /* the port that was picked then */
        for (int i = 0; i < 100; i++)
            send_to(&g, "x");
        assert_int_equal(drain(l.fds, l.n), 100);
        listener_close(&l);
        inherited_release(&list);
        take_back(&g);
    }
}

static void an_own_unix_socket_gets_the_permissions_of_the_config_and_keeps_its_file(void **unused)
{
    (void)unused;
    struct giver g;
    struct inherited list = { 0 };
    struct listener l;
    struct stat st;
    char name[INHERITED_NAME_MAX], url[160];
    const char *path;
    give_unix(&g, SOCK_DGRAM);
    path = strchr(g.url, '/') + 2;
    inherited_own_name(g.url, name);
    snprintf(url, sizeof url, "%s?mode=0640", g.url);
    inherit(&g, name, true, &list);
    adopt(url, 1, &list, &l);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    assert_int_equal(listener_look(&l), LISTENER_FILE_THERE);
    unlink(path);
    assert_int_equal(listener_look(&l), LISTENER_FILE_GONE);
    listener_close(&l);
    inherit(&g, name, true, &list);
    adopt(url, 1, &list, &l); /* now without its file: no client would find it */
    assert_int_equal(l.n, 0);
    assert_string_equal(inherited_left(&list)->name, name);
    inherited_release(&list);
    inherit(&g, "unit", true, &list);
    adopt(url, 1, &list, &l); /* another's is taken all the same, and that is found out */
    assert_int_equal(listener_look(&l), LISTENER_FILE_GONE);
    struct buf error = { 0 };
    int lost = l.fds[0];
    assert_int_equal(listener_bind_again(&l, &error), 0);
    assert_int_equal(listener_look(&l), LISTENER_FILE_THERE);
    close(lost);
    listener_close(&l); /* this one is ours alone */
    assert_int_equal(stat(path, &st), -1);
    inherited_release(&list);
    buf_release(&error);
    take_back(&g);
}

/* While nobody ran, another program put its socket in the place of ours. */
static void a_path_that_another_server_has_bound_since_is_left_to_it(void **unused)
{
    (void)unused;
    static const int types[] = { SOCK_DGRAM, SOCK_STREAM };
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        struct giver g;
        struct inherited list = { 0 };
        struct listener l;
        struct stat before, after;
        struct sockaddr_un at = { .sun_family = AF_UNIX };
        char name[INHERITED_NAME_MAX], url[160];
        struct buf error = { 0 };
        give_unix(&g, types[i]);
        const char *path = strchr(g.url, '/') + 2;
        inherited_own_name(g.url, name);
        snprintf(url, sizeof url, "%s?mode=0600", g.url);
        snprintf(at.sun_path, sizeof at.sun_path, "%s", path);
        assert_int_equal(unlink(path), 0);
        int other = socket(AF_UNIX, types[i] | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(other, (struct sockaddr *)&at, sizeof at), 0);
        if (types[i] == SOCK_STREAM)
            assert_int_equal(listen(other, 1), 0);
        assert_int_equal(stat(path, &before), 0);
        inherit(&g, name, true, &list);
        adopt(url, 1, &list, &l);
        assert_int_equal(l.n, 1);
        assert_int_equal(listener_look(&l), LISTENER_FILE_REPLACED);
        assert_int_equal(listener_bind_again(&l, &error), -EADDRINUSE);
        assert_int_equal(stat(path, &after), 0);
        assert_int_equal(after.st_mode, before.st_mode);
        close(other); /* it goes, and leaves its file */
        int lost = l.fds[0];
        assert_int_equal(listener_bind_again(&l, &error), 0);
        assert_int_equal(listener_look(&l), LISTENER_FILE_THERE);
        close(lost);
        listener_close(&l);
        inherited_release(&list);
        buf_release(&error);
        take_back(&g);
    }
}

static void where_nobody_keeps_an_own_socket_its_file_goes_with_it(void **unused)
{
    (void)unused;
    struct giver g;
    struct inherited list = { 0 };
    struct listener l;
    struct stat st;
    char name[INHERITED_NAME_MAX];
    give_unix(&g, SOCK_DGRAM);
    inherited_own_name(g.url, name);
    inherit(&g, name, false, &list); /* as a server that is gone handed it over */
    adopt(g.url, 1, &list, &l);
    listener_close(&l);
    assert_int_equal(stat(strchr(g.url, '/') + 2, &st), -1);
    inherited_release(&list);
    take_back(&g);
}

static void too_many_are_refused_with_the_remedy(void **unused)
{
    (void)unused;
    struct giver g, again;
    struct inherited list = { 0 };
    struct listener l;
    struct buf error = { 0 };
    give_udp(&g, MANY);
    inherit(&g, "unit", true, &list);
    struct listen_address a = address(g.url);
    assert_int_equal(adopt_listeners(&a, 1, 2, &list, &l, &error), -E2BIG);
    assert_int_equal(l.n, 0);
    inherited_release(&list);
    buf_release(&error);
    take_back(&g);

    /* Two listening sockets of one path: the giver bound it again after the file was lost. */
    give_unix(&g, SOCK_STREAM);
    unlink(strchr(g.url, '/') + 2);
    give_unix(&again, SOCK_STREAM);
    inherit(&g, "unit", true, &list);
    inherit(&again, "unit", true, &list);
    a = address(g.url);
    assert_int_equal(adopt_listeners(&a, 1, 2, &list, &l, &error), -E2BIG);
    buf_append_char(&error, '\0');
    assert_non_null(strstr(error.ptr, "ListenStream="));
    inherited_release(&list);

    /* Is one of them ours, it is the one with the file. */
    char name[INHERITED_NAME_MAX];
    inherited_own_name(g.url, name);
    inherit(&g, "unit", true, &list);
    inherit(&again, name, true, &list);
    adopt(g.url, 2, &list, &l);
    assert_int_equal(l.n, 1);
    assert_true(l.own);
    listener_close(&l);
    inherited_release(&list);
    buf_release(&error);
    take_back(&g);
    take_back(&again);
}

static void each_listener_finds_its_own_and_the_rest_is_opened(void **unused)
{
    (void)unused;
    struct giver one, two, stranger;
    struct inherited list = { 0 };
    struct listener l[3];
    struct buf error = { 0 };
    give_udp(&one, 1);
    give_udp(&two, 2);
    give_udp(&stranger, 1);
    inherit(&two, "unit", true, &list);
    inherit(&stranger, "unit", true, &list);
    inherit(&one, "unit", true, &list);
    const struct listen_address a[] = { address(one.url), address("udp://127.0.0.1:0"),
                                        address(two.url) };
    assert_int_equal(adopt_listeners(a, 3, 2, &list, l, &error), 0);
    assert_int_equal(l[0].n, 1);
    assert_int_equal(l[1].n, 0);
    assert_int_equal(l[2].n, 2);
    assert_non_null(inherited_left(&list)); /* whose it is nobody knows */
    assert_int_equal(listener_open_rest(a, 3, 2, l, &error), 0);
    assert_int_equal(l[1].n, 2);
    assert_true(l[1].own && !l[1].kept && l[1].n_before == 0);
    for (int i = 0; i < 3; i++)
        listener_close(&l[i]);
    inherited_release(&list);
    take_back(&one);
    take_back(&two);
    take_back(&stranger);
    buf_release(&error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_sockets_of_a_group_are_taken_whatever_the_number_of_workers),
        cmocka_unit_test(what_a_worker_reads_of_several_sockets_is_known_by_their_places),
        cmocka_unit_test(neither_refusing_nor_closing_does_anything_to_what_others_keep),
        cmocka_unit_test(a_stream_listener_that_is_kept_goes_on_listening),
        cmocka_unit_test(what_an_earlier_reader_set_is_undone),
        cmocka_unit_test(our_own_sockets_of_an_earlier_run_are_found_by_name_and_grow),
        cmocka_unit_test(an_own_unix_socket_gets_the_permissions_of_the_config_and_keeps_its_file),
        cmocka_unit_test(a_path_that_another_server_has_bound_since_is_left_to_it),
        cmocka_unit_test(where_nobody_keeps_an_own_socket_its_file_goes_with_it),
        cmocka_unit_test(too_many_are_refused_with_the_remedy),
        cmocka_unit_test(each_listener_finds_its_own_and_the_rest_is_opened),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
