/* Users and passwords: the header, what is remembered, the queue, and a server behind it all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <crypt.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "base/bcrypt.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/now.h"
#include "http/auth.h"
#include "http/auth_header.h"
#include "http/auth_known.h"
#include "http/auth_priv.h"
#include "http/auth_queue.h"
#include "http/http.h"
#include "http/rate.h"
#include "support/http_client.h"

static const uint64_t second_ns = 1000000000;

/* ---- helpers ---- */

static char *hash_of(const char *password, unsigned cost)
{
    struct crypt_data *d = mem_zalloc(sizeof *d);
    char salt[32];
    snprintf(salt, sizeof salt, "$2y$%02u$abcdefghijklmnopqrstuu", cost);
    const char *hash = crypt_r(password, salt, d);
    assert_non_null(hash);
    assert_null(bcrypt_wrong(slice_str(hash)));
    char *copy = mem_strdup(hash);
    free(d);
    return copy;
}

/* "Basic " and the base64 form of text; in a ring of buffers, so that two may be in one call. */
static const char *header_n(const char *text, size_t n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    static char ring[4][4096];
    static unsigned turn;
    char *out = ring[turn++ % 4];
    size_t at = (size_t)sprintf(out, "Basic ");
    for (size_t i = 0; i < n; i += 3) {
        unsigned v = 0;
        for (size_t k = 0; k < 3; k++)
            v = v << 8 | (i + k < n ? (unsigned char)text[i + k] : 0);
        for (size_t k = 0; k < 4; k++)
            out[at++] = i + k > n ? '=' : digits[v >> (18 - 6 * k) & 63];
    }
    out[at] = '\0';
    return out;
}

static const char *header(const char *text)
{
    return header_n(text, strlen(text));
}

/* An answer that is waited for. */
struct told {
    _Atomic int verdict; /* -1: none yet */
    _Atomic unsigned times;
};

static void tell(void *cookie, enum http_verdict v)
{
    struct told *t = cookie;
    atomic_fetch_add(&t->times, 1);
    atomic_store(&t->verdict, (int)v);
}

static void ask(struct http_auth *a, const char *text, uint64_t who, struct told *t)
{
    atomic_store(&t->verdict, -1);
    atomic_store(&t->times, 0);
    http_auth_ask(a, header(text), who, tell, t);
}

static enum http_verdict answer_of(struct told *t)
{
    uint64_t until = now_mono_ns() + 20 * second_ns;
    while (atomic_load(&t->verdict) < 0 && now_mono_ns() < until)
        usleep(1000);
    assert_int_equal(atomic_load(&t->times), 1);
    return (enum http_verdict)atomic_load(&t->verdict);
}

static enum http_verdict asked(struct http_auth *a, const char *text)
{
    struct told t;
    ask(a, text, 1, &t);
    return answer_of(&t);
}

static struct http_auth *auth_of(const char *name, const char *hash)
{
    struct http_auth *a = NULL;
    const struct http_user user = { name, hash };
    assert_int_equal(http_auth_new(&a), 0);
    assert_int_equal(http_auth_start(a), 0);
    http_auth_set(a, &user, 1);
    return a;
}

/* ---- the header ---- */

static void a_header_is_read_or_refused(void **state)
{
    static const struct {
        const char *header, *user, *password; /* user NULL: refused */
    } rows[] = {
        { "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Aladdin", "open sesame" },
        { "basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Aladdin", "open sesame" },
        { "BASIC   QWxhZGRpbjpvcGVuIHNlc2FtZQ== ", "Aladdin", "open sesame" },
        { "Basic YTpiOmM=", "a", "b:c" },
        { "Basic Og==", "", "" },
        { "Basic OmI=", "", "b" },
        { "Basic YTo=", "a", "" },
        { "Basic w7w6w7w=", "\xc3\xbc", "\xc3\xbc" },
        { NULL, NULL, NULL },
        { "", NULL, NULL },
        { "Basic", NULL, NULL },
        { "Basic ", NULL, NULL },
        { "BasicYTpi", NULL, NULL },
        { "Bearer YTpi", NULL, NULL },
        { "Basic YWI=", NULL, NULL },     /* no colon */
        { "Basic YTpi\x80", NULL, NULL }, /* not base64 */
        { "Basic YTp", NULL, NULL },      /* cut off */
        { "Basic YTo", NULL, NULL },      /* no padding */
        { "Basic YT=6", NULL, NULL },
        { "Basic ====", NULL, NULL },
        { "Basic YTpi YTpi", NULL, NULL },
        { "Basic YQA6Yg==", NULL, NULL }, /* a NUL in the user */
        { "Basic YTpiAGM=", NULL, NULL }, /* in the password */
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct http_credentials c, zero = { 0 };
        memset(&c, 0x5a, sizeof c);
        bool good = http_credentials_read(rows[i].header, &c);
        if (good != (rows[i].user != NULL))
            fail_msg("%s", rows[i].header);
        if (!good) {
            assert_memory_equal(&c, &zero, sizeof c);
            continue;
        }
        assert_true(slice_eq(c.user, slice_str(rows[i].user)));
        assert_true(slice_eq(c.password, slice_str(rows[i].password)));
        http_credentials_wipe(&c);
        assert_memory_equal(&c, &zero, sizeof c);
    }
}

static void a_header_has_a_longest_form(void **state)
{
    (void)state;
    for (size_t n = HTTP_CREDENTIALS_MAX - 3; n <= HTTP_CREDENTIALS_MAX + 4; n++) {
        struct http_credentials c;
        char *text = malloc(n);
        memset(text, 'x', n);
        text[1] = ':';
        assert_int_equal(http_credentials_read(header_n(text, n), &c), n <= HTTP_CREDENTIALS_MAX);
        free(text);
    }
}

/* "YTp" is "a:" and the upper two bits of a letter, of which the last digit says the others. */
static void each_digit_has_its_value_and_all_else_is_refused(void **state)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    (void)state;
    for (unsigned c = 1; c < 256; c++) {
        const char text[] = { 'B', 'a', 's', 'i', 'c', ' ', 'Y', 'T', 'p', (char)c, '\0' };
        struct http_credentials got;
        const char *digit = strchr(digits, (int)c);
        if (c == '=') /* the end of two bytes */
            continue;
        assert_int_equal(http_credentials_read(text, &got), digit != NULL);
        if (digit == NULL)
            continue;
        assert_int_equal(got.password.len, 1);
        assert_int_equal(got.password.ptr[0], 0x40 + (digit - digits));
    }
}

/* ---- what is remembered ---- */

static void keys_are_equal_in_all_bytes_or_not_at_all(void **state)
{
    const struct http_auth_key a = { { 1, 2, 3 } };
    (void)state;
    for (size_t i = 0; i < sizeof a.bytes; i++) {
        struct http_auth_key b = a;
        assert_true(http_auth_key_eq(&a, &b));
        b.bytes[i] ^= 0x80;
        assert_false(http_auth_key_eq(&a, &b));
    }
}

static void a_key_is_of_three_texts_and_not_of_their_bytes_in_a_row(void **state)
{
    static const unsigned char secret[32] = { 1 }, other[32] = { 2 };
    char seventy_two[] =
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef01234567X";
    char filled[BCRYPT_LEN];
    (void)state;
    memset(filled, 'h', sizeof filled);
    const struct slice hash = slice_of(filled, sizeof filled);
    struct http_auth_key a = http_auth_key(secret, SLICE_LIT("ab"), hash, SLICE_LIT("c"));
    struct http_auth_key same = http_auth_key(secret, SLICE_LIT("ab"), hash, SLICE_LIT("c"));
    struct http_auth_key moved = http_auth_key(secret, SLICE_LIT("a"), hash, SLICE_LIT("bc"));
    struct http_auth_key elsewhere = http_auth_key(other, SLICE_LIT("ab"), hash, SLICE_LIT("c"));
    assert_true(http_auth_key_eq(&a, &same));
    assert_false(http_auth_key_eq(&a, &moved));
    assert_false(http_auth_key_eq(&a, &elsewhere));
    /* bcrypt takes no more, so that one password has one key. */
    struct http_auth_key longer =
        http_auth_key(secret, SLICE_LIT("a"), hash, slice_str(seventy_two));
    seventy_two[72] = '\0';
    struct http_auth_key cut = http_auth_key(secret, SLICE_LIT("a"), hash, slice_str(seventy_two));
    assert_true(http_auth_key_eq(&longer, &cut));
}

static void what_was_wrong_is_forgotten_in_time_and_for_newer_ones(void **state)
{
    (void)state;
    struct http_auth_wrong *w = mem_zalloc(sizeof *w);
    struct http_auth_key key = { { 7 } };
    uint64_t now = 5 * second_ns, end = now + HTTP_AUTH_WRONG_S * second_ns;
    assert_false(http_auth_wrong_has(w, &key, now));
    http_auth_wrong_add(w, &key, now);
    assert_true(http_auth_wrong_has(w, &key, now));
    assert_true(http_auth_wrong_has(w, &key, end - 1));
    assert_false(http_auth_wrong_has(w, &key, end));
    /* Others of its set: the oldest goes. */
    for (unsigned char i = 1; i <= HTTP_AUTH_WAYS; i++) {
        struct http_auth_key other = key;
        other.bytes[31] = i;
        http_auth_wrong_add(w, &other, now + i);
        assert_int_equal(http_auth_wrong_has(w, &key, now + i), i < HTTP_AUTH_WAYS);
        assert_true(http_auth_wrong_has(w, &other, now + i));
    }
    free(w);
}

static void a_password_is_checked_once_and_remembered(void **state)
{
    (void)state;
    char *hash = hash_of("secret", 4);
    struct http_auth *a = auth_of("prom", hash);
    struct http_auth_stats is;
    assert_int_equal(http_auth_look(a, header("prom:secret")), HTTP_AUTH_UNKNOWN);
    assert_int_equal(asked(a, "prom:secret"), HTTP_AUTH_OK);
    assert_int_equal(http_auth_look(a, header("prom:secret")), HTTP_AUTH_OK);
    assert_int_equal(asked(a, "prom:secret"), HTTP_AUTH_OK);
    static const char *const wrong[] = { "prom:Secret", "prom:secret ",  "prom:",
                                         "Prom:secret", "nobody:secret", ":secret",
                                         "prom:secret:" };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        assert_int_equal(http_auth_look(a, header(wrong[i])), HTTP_AUTH_UNKNOWN);
        assert_int_equal(asked(a, wrong[i]), HTTP_AUTH_BAD);
        assert_int_equal(http_auth_look(a, header(wrong[i])), HTTP_AUTH_BAD);
    }
    assert_int_equal(http_auth_look(a, NULL), HTTP_AUTH_BAD);
    assert_int_equal(http_auth_look(a, "Basic x"), HTTP_AUTH_BAD);
    struct told unread = { .verdict = -1 };
    http_auth_ask(a, "Basic x", 1, tell, &unread);
    assert_int_equal(answer_of(&unread), HTTP_AUTH_BAD);
    assert_int_equal(http_auth_look(a, header("prom:secret")), HTTP_AUTH_OK);
    http_auth_stats(a, &is);
    assert_int_equal(is.ok, 1);
    assert_int_equal(is.cached_ok, 3);
    assert_int_equal(is.bad, ARRAY_LEN(wrong) + 2);
    assert_int_equal(is.cached_bad, ARRAY_LEN(wrong));
    assert_int_equal(is.busy, 0);
    http_auth_free(a);
    free(hash);
}

static void the_dummy_of_unknown_names_lets_nobody_in(void **state)
{
    (void)state;
    for (unsigned cost = BCRYPT_COST_MIN; cost <= BCRYPT_COST_MAX; cost++) {
        char hash[BCRYPT_LEN + 1];
        bcrypt_nobody(cost, hash);
        assert_null(bcrypt_wrong(slice_str(hash)));
        assert_int_equal(bcrypt_cost(slice_str(hash)), cost);
    }
}

static void users_come_go_and_change(void **state)
{
    (void)state;
    char *one = hash_of("one", 4), *two = hash_of("two", 4);
    struct http_auth *a = auth_of("b", one);
    const struct http_user three[] = { { "c", two }, { "a", two }, { "b", one } };
    const struct http_user changed[] = { { "b", two } };
    assert_int_equal(asked(a, "b:one"), HTTP_AUTH_OK);
    assert_int_equal(asked(a, "a:two"), HTTP_AUTH_BAD);
    http_auth_set(a, three, 3);
    assert_int_equal(http_auth_look(a, header("b:one")), HTTP_AUTH_OK); /* as before: known */
    assert_int_equal(http_auth_look(a, header("a:two")), HTTP_AUTH_UNKNOWN);
    assert_int_equal(asked(a, "a:two"), HTTP_AUTH_OK);
    assert_int_equal(asked(a, "c:two"), HTTP_AUTH_OK);
    http_auth_set(a, changed, 1);
    assert_int_equal(asked(a, "b:one"), HTTP_AUTH_BAD);
    assert_int_equal(asked(a, "b:two"), HTTP_AUTH_OK);
    assert_int_equal(asked(a, "a:two"), HTTP_AUTH_BAD);
    http_auth_set(a, NULL, 0);
    assert_int_equal(http_auth_look(a, NULL), HTTP_AUTH_OK);
    assert_int_equal(asked(a, "b:wrong"), HTTP_AUTH_OK);
    http_auth_free(a);
    free(one);
    free(two);
}

/* ---- the queue ---- */

static struct http_auth_place *put(struct http_auth_queue *q, uint64_t generation,
                                   unsigned char key, uint64_t who)
{
    const struct http_auth_key k = { { key } };
    const struct http_auth_place question = { .generation = generation, .who = who, .key = k };
    char hash[BCRYPT_LEN + 1];
    struct http_auth_place *p = http_auth_queue_place(q, generation, &k, who);
    assert_non_null(p);
    bcrypt_nobody(BCRYPT_COST_MIN, hash);
    http_auth_queue_put(q, p, &question, hash, SLICE_LIT("secret"));
    return p;
}

static void who_came_first_is_checked_first(void **state)
{
    (void)state;
    struct http_auth_queue *q = mem_zalloc(sizeof *q);
    struct http_auth_waiter w[HTTP_AUTH_JOINED_MAX];
    struct http_auth_place *a = put(q, 1, 1, 1), *b = put(q, 1, 2, 2);
    assert_ptr_equal(http_auth_queue_next(q), a);
    assert_int_equal(http_auth_place_free(a, w), 0);
    struct http_auth_place *c = put(q, 1, 3, 3); /* where a was */
    assert_ptr_equal(http_auth_queue_next(q), b);
    (void)http_auth_place_free(b, w);
    assert_ptr_equal(http_auth_queue_next(q), c);
    (void)http_auth_place_free(c, w);
    assert_null(http_auth_queue_next(q));
    free(q);
}

static void what_was_asked_of_other_users_is_asked_anew(void **state)
{
    (void)state;
    struct http_auth_queue *q = mem_zalloc(sizeof *q);
    const struct http_auth_key key = { { 1 } }, other = { { 2 } };
    struct http_auth_place *a = put(q, 1, 1, 7);
    assert_ptr_equal(http_auth_queue_place(q, 1, &key, 7), a);
    assert_ptr_equal(http_auth_queue_place(q, 1, &key, 8), a);
    assert_null(http_auth_queue_place(q, 1, &other, 7));
    assert_null(http_auth_queue_place(q, 2, &key, 7)); /* its address waits */
    struct http_auth_place *b = http_auth_queue_place(q, 2, &key, 8);
    assert_true(b != NULL && b != a);
    free(q);
}

static void a_password_is_wiped_when_it_is_checked(void **state)
{
    static const struct http_auth_place zero;
    (void)state;
    struct http_auth_queue *q = mem_zalloc(sizeof *q);
    struct http_auth_waiter w[HTTP_AUTH_JOINED_MAX];
    struct http_auth_place *a = put(q, 1, 1, 1);
    assert_string_equal(a->password, "secret");
    http_auth_place_join(a, (struct http_auth_waiter){ tell, a });
    assert_int_equal(http_auth_place_free(a, w), 1);
    assert_memory_equal(a, &zero, sizeof zero);
    assert_true(w[0].done == tell && w[0].cookie == a);
    free(q);
}

enum { SLOW_COST = 10 }; /* 60 ms: long enough to ask all that is asked meanwhile */

static void an_address_has_one_place_and_equal_ones_share_it(void **state)
{
    (void)state;
    char *hash = hash_of("secret", SLOW_COST);
    struct http_auth *a = auth_of("prom", hash);
    struct told first, second, same, elsewhere, joined[HTTP_AUTH_JOINED_MAX];
    ask(a, "prom:secret", 1, &first);
    ask(a, "prom:other", 1, &second);
    assert_int_equal(atomic_load(&second.verdict), HTTP_AUTH_BUSY); /* at once */
    ask(a, "prom:secret", 1, &same);
    ask(a, "prom:secret", 2, &elsewhere);
    for (size_t i = 4; i < ARRAY_LEN(joined); i++)
        ask(a, "prom:secret", i, &joined[i]);
    ask(a, "prom:secret", 99, &second);
    assert_int_equal(answer_of(&second), HTTP_AUTH_OK);
    assert_int_equal(answer_of(&first), HTTP_AUTH_OK);
    assert_int_equal(answer_of(&same), HTTP_AUTH_OK);
    assert_int_equal(answer_of(&elsewhere), HTTP_AUTH_OK);
    for (size_t i = 4; i < ARRAY_LEN(joined); i++)
        assert_int_equal(answer_of(&joined[i]), HTTP_AUTH_OK);
    http_auth_free(a);
    free(hash);
}

static void a_place_and_a_queue_have_their_ends(void **state)
{
    (void)state;
    char *hash = hash_of("secret", SLOW_COST);
    struct http_auth *a = auth_of("prom", hash);
    struct told place[HTTP_AUTH_QUEUE], joined[HTTP_AUTH_JOINED_MAX], late;
    char text[32];
    for (size_t i = 0; i < ARRAY_LEN(place); i++) {
        snprintf(text, sizeof text, "prom:wrong%zu", i);
        ask(a, text, i, &place[i]);
    }
    ask(a, "prom:secret", 1000, &late);
    assert_int_equal(atomic_load(&late.verdict), HTTP_AUTH_BUSY);
    for (size_t i = 1; i < ARRAY_LEN(joined); i++)
        ask(a, text, 2000 + i, &joined[i]);
    ask(a, text, 3000, &late);
    assert_int_equal(atomic_load(&late.verdict), HTTP_AUTH_BUSY);
    /* Other users: what waits is asked again, by its client. */
    http_auth_set(a, &(struct http_user){ "prom", hash }, 1);
    http_auth_free(a);
    for (size_t i = 0; i < ARRAY_LEN(place); i++)
        assert_int_equal(answer_of(&place[i]), HTTP_AUTH_BUSY);
    for (size_t i = 1; i < ARRAY_LEN(joined); i++)
        assert_int_equal(answer_of(&joined[i]), HTTP_AUTH_BUSY);
    free(hash);
}

static uint64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * second_ns + (uint64_t)t.tv_nsec;
}

static void after_a_wrong_one_the_checker_rests(void **state)
{
    (void)state;
    char *hash = hash_of("secret", 8);
    struct http_auth *a = auth_of("prom", hash);
    struct told told[8];
    uint64_t begun_ns = now_mono_ns(), begun_cpu_ns = cpu_ns();
    for (size_t i = 0; i < ARRAY_LEN(told); i++) {
        char text[32];
        snprintf(text, sizeof text, "prom:wrong%zu", i);
        ask(a, text, i, &told[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(told); i++)
        assert_int_equal(answer_of(&told[i]), HTTP_AUTH_BAD);
    /* Half of the time, but for the rest behind the last one, which nobody waits for. */
    uint64_t took_ns = now_mono_ns() - begun_ns, took_cpu_ns = cpu_ns() - begun_cpu_ns;
    assert_true(took_cpu_ns < took_ns * 65 / 100);
    http_auth_free(a);
    free(hash);
}

/* ---- a server ---- */

static void answer(void *cookie, struct http_request *r)
{
    (void)cookie;
    http_answer(r, 200, NULL);
}

static unsigned fine(void *cookie, const char **ret_text)
{
    (void)cookie;
    *ret_text = "fine";
    return 200;
}

static const struct http_route routes[] = {
    { .path = "/fine", .probe = fine },
    { .path = "/later", .ask = answer },
    { .path = "/do", .probe = fine, .methods = HTTP_POST },
};

static struct http_server *serve_with(struct http_auth *a, struct http_rate *rate, uint32_t waiting)
{
    struct http_server *s = NULL;
    const char *error = "";
    struct http_opts o = { .listen = "127.0.0.1:0",
                           .routes = routes,
                           .n_routes = ARRAY_LEN(routes),
                           .auth = a,
                           .rate = rate,
                           .max_waiting = waiting };
    if (http_start(&o, &s, &error) != 0)
        fail_msg("%s", error);
    return s;
}

static struct http_server *serve(struct http_auth *a, struct http_rate *rate)
{
    return serve_with(a, rate, 0);
}

/* returns  the socket, to be read; text NULL: no header */
static int say(const struct http_server *s, const char *from, const char *method, const char *path,
               const char *text)
{
    char request[2048];
    int fd = client_dial_from(http_address(s), from);
    snprintf(request, sizeof request,
             "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s%s%s\r\n", method, path,
             text ? "aUTHORIZATION: " : "", text ? header(text) : "", text ? "\r\n" : "");
    client_say(fd, request);
    return fd;
}

static void every_path_is_behind_it(void **state)
{
    (void)state;
    char *hash = hash_of("secret", 4);
    struct http_auth *a = auth_of("prom", hash);
    struct http_server *s = serve(a, NULL);
    struct buf reply = { 0 };
    static const struct {
        const char *method, *path;
        unsigned status; /* for who may */
    } rows[] = { { "GET", "/fine", 200 }, { "HEAD", "/fine", 200 }, { "GET", "/later", 200 },
                 { "POST", "/do", 200 },  { "POST", "/fine", 405 }, { "GET", "/nowhere", 404 },
                 { "GET", "/do", 405 } };
    static const char *const wrong[] = { NULL, "prom:", "prom:wrong", "nobody:secret" };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (size_t k = 0; k < ARRAY_LEN(wrong); k++) {
            client_hear(say(s, "127.0.0.1", rows[i].method, rows[i].path, wrong[k]), &reply);
            assert_int_equal(client_status(&reply), 401);
            assert_true(client_has(
                &reply, "WWW-Authenticate: Basic realm=\"statsd\", charset=\"UTF-8\"\r\n"));
        }
        client_hear(say(s, "127.0.0.1", rows[i].method, rows[i].path, "prom:secret"), &reply);
        assert_int_equal(client_status(&reply), rows[i].status);
        assert_false(client_has(&reply, "WWW-Authenticate"));
        http_auth_set(a, NULL, 0); /* nothing is known: the next row waits for its check again */
        http_auth_set(a, &(struct http_user){ "prom", hash }, 1);
    }
    struct http_stats is;
    http_stats(s, &is);
    assert_int_equal(is.auth.ok, ARRAY_LEN(rows));
    assert_int_equal(is.waiting, 0);
    http_stop(s);
    http_auth_free(a);
    buf_release(&reply);
    free(hash);
}

static void a_kept_connection_goes_on_behind_a_check(void **state)
{
    (void)state;
    char *hash = hash_of("secret", 4);
    struct http_auth *a = auth_of("prom", hash);
    struct http_server *s = serve(a, NULL);
    struct buf request = { 0 }, reply = { 0 };
    const char *last = "Connection: close\r\n";
    for (int i = 0; i < 3; i++)
        buf_printf(&request, "GET /later HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\n%s\r\n",
                   header("prom:secret"), i == 2 ? last : "");
    buf_append_char(&request, '\0');
    int fd = client_dial(http_address(s));
    client_say(fd, request.ptr);
    client_hear(fd, &reply);
    size_t n = 0;
    for (const char *at = reply.ptr; (at = strstr(at, "HTTP/1.1 200")) != NULL; at++)
        n++;
    assert_int_equal(n, 3);
    http_stop(s);
    http_auth_free(a);
    buf_release(&request);
    buf_release(&reply);
    free(hash);
}

static void who_finds_no_place_is_told_to_come_again(void **state)
{
    (void)state;
    char *hash = hash_of("secret", SLOW_COST + 1);
    struct http_auth *a = auth_of("prom", hash);
    struct http_server *s = serve(a, NULL);
    struct buf reply = { 0 };
    struct http_stats is = { 0 };
    int first = say(s, "127.0.0.1", "GET", "/fine", "prom:secret");
    for (uint64_t until = now_mono_ns() + 20 * second_ns; is.waiting == 0 && now_mono_ns() < until;)
        http_stats(s, &is);
    int second = say(s, "127.0.0.1", "GET", "/fine", "prom:wrong");
    client_hear(second, &reply);
    assert_int_equal(client_status(&reply), 429);
    assert_true(client_has(&reply, "Retry-After: 1\r\n"));
    client_expect(first, 200, "fine\n");
    http_stop(s);
    http_auth_free(a);
    buf_release(&reply);
    free(hash);
}

static void who_waits_for_a_check_is_in_the_way_of_no_answer(void **state)
{
    (void)state;
    char *hash = hash_of("secret", SLOW_COST + 1);
    struct http_auth *a = auth_of("prom", hash);
    struct http_server *s = serve_with(a, NULL, 1);
    struct http_stats is = { 0 };
    client_expect(say(s, "127.0.0.1", "GET", "/later", "prom:secret"), 200, NULL);
    int wrong = say(s, "127.0.0.2", "GET", "/later", "prom:wrong");
    for (uint64_t until = now_mono_ns() + 20 * second_ns; is.waiting == 0 && now_mono_ns() < until;)
        http_stats(s, &is);
    client_expect(say(s, "127.0.0.1", "GET", "/later", "prom:secret"), 200, NULL);
    client_expect(wrong, 401, NULL);
    http_stop(s);
    http_auth_free(a);
    free(hash);
}

static void a_stop_answers_who_waits_for_a_check(void **state)
{
    (void)state;
    char *hash = hash_of("secret", SLOW_COST + 1);
    struct http_auth *a = auth_of("prom", hash);
    struct http_server *s = serve(a, NULL);
    struct http_stats is = { 0 };
    int fds[4];
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        char from[16];
        snprintf(from, sizeof from, "127.0.0.%zu", i + 1);
        fds[i] = say(s, from, "GET", "/fine", i % 2 == 0 ? "prom:wrong" : "prom:also wrong");
    }
    for (uint64_t until = now_mono_ns() + 20 * second_ns;
         is.waiting < ARRAY_LEN(fds) && now_mono_ns() < until;)
        http_stats(s, &is);
    http_stop(s);
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        client_expect(fds[i], 503, "the server is stopping\n");
    http_auth_free(a);
    free(hash);
}

/* ---- the rate ---- */

static void a_bucket_gets_a_token_each_interval(void **state)
{
    (void)state;
    struct http_rate r;
    http_rate_init(&r);
    uint64_t now = 5 * second_ns;
    for (int i = 0; i < 1000; i++)
        assert_true(http_rate_take(&r, now)); /* no limit */
    http_rate_set(&r, 1000, 3);
    for (int i = 0; i < 3; i++)
        assert_true(http_rate_take(&r, now));
    assert_false(http_rate_take(&r, now));
    assert_false(http_rate_take(&r, now + second_ns - 1));
    assert_true(http_rate_take(&r, now + second_ns));
    assert_false(http_rate_take(&r, now + second_ns));
    http_rate_set(&r, 1000, 3); /* the same: it is not filled */
    assert_false(http_rate_take(&r, now + second_ns));
    for (int i = 0; i < 3; i++)
        assert_true(http_rate_take(&r, now + 1000 * second_ns));
    assert_false(http_rate_take(&r, now + 1000 * second_ns));
    http_rate_set(&r, HTTP_RATE_INTERVAL_MAX_MS, HTTP_RATE_BURST_MAX);
    assert_true(http_rate_take(&r, now));
    http_rate_release(&r);
}

static void too_many_requests_are_told_so(void **state)
{
    (void)state;
    struct http_rate r;
    http_rate_init(&r);
    http_rate_set(&r, HTTP_RATE_INTERVAL_MAX_MS, 2);
    struct http_server *s = serve(NULL, &r);
    struct buf reply = { 0 };
    client_expect(client_ask(http_address(s), "GET", "/fine"), 200, "fine\n");
    client_expect(client_ask(http_address(s), "GET", "/nowhere"), 404, NULL);
    client_hear(client_ask(http_address(s), "GET", "/fine"), &reply);
    assert_int_equal(client_status(&reply), 429);
    assert_true(client_has(&reply, "Retry-After: 1\r\n"));
    struct http_stats is;
    http_stats(s, &is);
    assert_int_equal(is.rate_limited, 1);
    http_stop(s);
    http_rate_release(&r);
    buf_release(&reply);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_header_is_read_or_refused),
        cmocka_unit_test(a_header_has_a_longest_form),
        cmocka_unit_test(each_digit_has_its_value_and_all_else_is_refused),
        cmocka_unit_test(keys_are_equal_in_all_bytes_or_not_at_all),
        cmocka_unit_test(a_key_is_of_three_texts_and_not_of_their_bytes_in_a_row),
        cmocka_unit_test(what_was_wrong_is_forgotten_in_time_and_for_newer_ones),
        cmocka_unit_test(a_password_is_checked_once_and_remembered),
        cmocka_unit_test(the_dummy_of_unknown_names_lets_nobody_in),
        cmocka_unit_test(users_come_go_and_change),
        cmocka_unit_test(who_came_first_is_checked_first),
        cmocka_unit_test(what_was_asked_of_other_users_is_asked_anew),
        cmocka_unit_test(a_password_is_wiped_when_it_is_checked),
        cmocka_unit_test(an_address_has_one_place_and_equal_ones_share_it),
        cmocka_unit_test(a_place_and_a_queue_have_their_ends),
        cmocka_unit_test(after_a_wrong_one_the_checker_rests),
        cmocka_unit_test(every_path_is_behind_it),
        cmocka_unit_test(a_kept_connection_goes_on_behind_a_check),
        cmocka_unit_test(who_finds_no_place_is_told_to_come_again),
        cmocka_unit_test(who_waits_for_a_check_is_in_the_way_of_no_answer),
        cmocka_unit_test(a_stop_answers_who_waits_for_a_check),
        cmocka_unit_test(a_bucket_gets_a_token_each_interval),
        cmocka_unit_test(too_many_requests_are_told_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
