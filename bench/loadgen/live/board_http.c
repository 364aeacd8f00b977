/*
 *     GET  /, /web/                       the page (page_files.h)
 *     GET  /api/state?since=N&run=RUN     board_state_json
 *     POST /api/start, /api/change        a body of settings
 *     POST /api/stop, /api/reset
 *     GET  /api/report.csv, .json, .html  of the latest run, or of what there is of it
 *
 * Requests of other sites' scripts are refused by the server (http/guard.h).
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/number.h"
#include "board.h"
#include "page_files.h"

enum { ROUTES = WEB_ROUTES + 1, BODY_MAX = 8 << 10, WEB_PORT = 8089 };

static const char type_json[] = "application/json";

static void answer_text(struct http_request *r, unsigned status, const char *type, struct buf *text)
{
    struct http_body *body = http_body_take(type, text->ptr, text->len);
    *text = (struct buf){ 0 };
    (void)http_body_pack(body);
    http_answer(r, status, body);
    http_body_unref(body);
}

static void answer_json(struct http_request *r, unsigned status, json_t *o)
{
    struct buf text = { 0 };
    char *dumped = json_dumps(o, JSON_COMPACT);
    json_decref(o);
    if (dumped == NULL)
        abort();
    buf_append_str(&text, dumped);
    buf_append_char(&text, '\n');
    free(dumped);
    answer_text(r, status, type_json, &text);
}

static void answer_error(struct http_request *r, unsigned status, struct slice why)
{
    json_t *text = json_stringn(why.ptr, why.len);
    answer_json(r, status,
                json_pack("{s:o}", "error", text != NULL ? text : json_string("not UTF-8")));
}

/* returns  false: it is no number */
static bool whole_arg(const struct http_request *r, const char *name, int64_t *ret)
{
    const char *arg = http_request_arg(r, name);
    return arg == NULL || (number_parse_int(slice_str(arg), ret) && *ret >= 0);
}

/* Of another run than the asker knows, all rows are new to it. */
static void show_state(struct board *b, struct http_request *r)
{
    int64_t since = 0, run = b->run;
    if (!whole_arg(r, "since", &since) || !whole_arg(r, "run", &run))
        answer_error(r, 400, SLICE_LIT("since, run: whole numbers"));
    else
        answer_json(r, 200, board_state_json(b, run == b->run ? (size_t)since : 0));
}

/* The body's settings put in force.   returns  false: it has been answered */
static bool apply(struct board *b, struct http_request *r)
{
    struct slice body = http_request_body(r);
    struct buf error = { 0 };
    json_t *wanted = body.len > 0 ? json_loadb(body.ptr, body.len, 0, NULL) : json_object();
    bool ok = json_is_object(wanted);
    if (!ok)
        buf_append_str(&error,
                       "the body is no JSON object of settings, such as {\"rate\": \"20k\"}");
    ok = ok && board_change(b, wanted, &error);
    if (!ok)
        answer_error(r, 400, buf_slice(&error));
    json_decref(wanted);
    buf_release(&error);
    return ok;
}

static void start(struct board *b, struct http_request *r)
{
    if (b->state != BOARD_ready || b->start) {
        answer_error(r, 409, SLICE_LIT("a load runs already"));
    } else if (fleet_ready(b->fleet) == 0) {
        answer_error(r, 409, SLICE_LIT("there is no worker to send it"));
    } else if (apply(b, r)) {
        b->start = true;
        answer_json(r, 202, board_state_json(b, SIZE_MAX));
    }
}

static void change(struct board *b, struct http_request *r)
{
    /* While datagrams are prepared, or the last are waited for, there is nothing to change. */
    if (b->state != BOARD_ready && !b->fleet->sending)
        answer_error(r, 409, SLICE_LIT("the load is being begun or ended: ask again"));
    else if (apply(b, r))
        answer_json(r, 200, board_state_json(b, SIZE_MAX));
}

static void stop(struct board *b, struct http_request *r)
{
    b->stop = b->state != BOARD_ready;
    b->start = false;
    answer_json(r, 202, board_state_json(b, SIZE_MAX));
}

static void reset(struct board *b, struct http_request *r)
{
    if (b->state != BOARD_ready) {
        answer_error(r, 409, SLICE_LIT("a load runs: stop it first"));
        return;
    }
    board_reset(b);
    answer_json(r, 200, board_state_json(b, SIZE_MAX));
}

static const struct {
    const char *path;
    void (*format)(const struct report *, struct buf *);
    const char *type, *name;
} reports[] = {
    { "/api/report.csv", report_csv, "text/csv; charset=utf-8",
      "attachment; filename=\"statsd-bench.csv\"" },
    { "/api/report.json", report_json, type_json, "attachment; filename=\"statsd-bench.json\"" },
    { "/api/report.html", report_html, "text/html; charset=utf-8",
      "attachment; filename=\"statsd-bench.html\"" },
};

static void download(struct board *b, struct http_request *r, size_t i)
{
    struct report *report = board_report(b);
    struct buf text = { 0 };
    if (report == NULL) {
        answer_error(r, 404, SLICE_LIT("there is no run to report: start one"));
        return;
    }
    reports[i].format(report, &text);
    struct http_body *body = http_body_take(reports[i].type, text.ptr, text.len);
    const struct http_header header = { "Content-Disposition", reports[i].name };
    http_answer_with(r, 200, body, &header, 1);
    http_body_unref(body);
}

static const struct {
    const char *path;
    enum http_method method;
    void (*answer)(struct board *b, struct http_request *r);
} paths[] = {
    { "/api/state", HTTP_GET, show_state }, { "/api/start", HTTP_POST, start },
    { "/api/change", HTTP_POST, change },   { "/api/stop", HTTP_POST, stop },
    { "/api/reset", HTTP_POST, reset },
};

static void answer(struct board *b, struct http_request *r)
{
    const char *path = http_request_path(r);
    enum http_method method = http_request_method(r);
    for (size_t i = 0; i < ARRAY_LEN(paths); i++)
        if (strcmp(path, paths[i].path) == 0 && method == paths[i].method) {
            paths[i].answer(b, r);
            return;
        } else if (strcmp(path, paths[i].path) == 0) {
            answer_error(r, 405, SLICE_LIT("another method is needed"));
            return;
        }
    for (size_t i = 0; i < ARRAY_LEN(reports); i++)
        if (strcmp(path, reports[i].path) == 0 && method == HTTP_GET) {
            download(b, r, i);
            return;
        }
    answer_error(r, 404, SLICE_LIT("there is nothing here"));
}

/* On the HTTP thread. */
static void wake(void *board)
{
    const uint64_t one = 1;
    ssize_t n = write(((struct board *)board)->wake_fd, &one, sizeof one);
    (void)n;
}

static void on_wake(void *board)
{
    struct board *b = board;
    uint64_t count;
    struct http_request *const *r;
    ssize_t got = read(b->wake_fd, &count, sizeof count);
    (void)got;
    for (size_t i = 0, n = http_mailbox_take(&b->mailbox, &r); i < n; i++)
        answer(b, r[i]);
}

static const struct http_header api_headers[] = { { "Cache-Control", "no-store" },
                                                  { "X-Content-Type-Options", "nosniff" } };

int board_http_start(struct board *b, struct buf *error)
{
    static struct http_route routes[ROUTES];
    const char *why;
    char listen[ADDRESS_TEXT_MAX];
    wire_address(b->opts->web, WEB_PORT, listen);
    b->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (b->wake_fd < 0)
        return -errno;
    b->fleet->wake_fd = b->wake_fd;
    b->fleet->on_wake = on_wake;
    b->fleet->cookie = b;
    b->web = page_files_web();
    http_mailbox_init(&b->mailbox, wake, b);
    web_routes(b->web, routes);
    routes[WEB_ROUTES] = (struct http_route){ .path = "/api/",
                                              .prefix = true,
                                              .methods = HTTP_GET | HTTP_POST,
                                              .body_max = BODY_MAX,
                                              .guarded = true,
                                              .json = true,
                                              .ask = http_mailbox_ask,
                                              .cookie = &b->mailbox,
                                              .headers = api_headers,
                                              .n_headers = ARRAY_LEN(api_headers) };
    const struct http_opts opts = { .listen = listen, .routes = routes, .n_routes = ROUTES };
    int rc = http_start(&opts, &b->http, &why);
    if (rc < 0) {
        buf_printf(error, "--web %s: %s", b->opts->web, why);
        b->http = NULL;
        board_http_stop(b);
        return rc;
    }
    fprintf(stderr, "statsd-bench: http://%s/\n", http_address(b->http));
    if (!token_is_optional(b->opts->web))
        fprintf(stderr,
                "statsd-bench: --web %s is open to the network, and whoever reaches it may "
                "steer the load\n",
                b->opts->web);
    return 0;
}

void board_http_stop(struct board *b)
{
    http_mailbox_close(&b->mailbox);
    http_stop(b->http);
    b->http = NULL;
    http_mailbox_release(&b->mailbox);
    web_free(b->web);
    b->fleet->wake_fd = -1;
    close(b->wake_fd);
}
