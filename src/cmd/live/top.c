/*
 * `statsd top`: what a server does, looked at once a second.
 *
 *   look          ask its API: status, conservation, top
 *   live          the screen: keys are taken while an answer is waited for, too
 *   once          two looks, a second apart, and one frame as text or JSON
 */
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/now.h"
#include "cmd/live/frame.h"
#include "cmd/live/live.h"
#include "cmd/live/screen.h"

enum {
    EVERY_MS = 1000,
    ROWS_ASKED = 100,
    ONCE_ROWS = 20,
    FILTER_MAX = 100,
    COLUMNS_LEAST = 20,
    ROWS_LEAST = 5,
    USUAL_COLUMNS = 80
};

struct top {
    struct client *client;
    const struct cli_io *io;
    struct model model;
    struct frame_view view;
    char filter[FILTER_MAX + 1], clock[16];
    enum model_by by;
    uint64_t limit;
    struct buf trouble; /* why the last look failed, and NUL; empty: it did not */
    bool quit;          /* a key said so */
    bool asked_anew;    /* or wants another table at once */
};

/* ---- looking ---- */

static enum client_result get(struct top *t, const char *path, struct buf *out, struct buf *error)
{
    buf_clear(out);
    return client_get(t->client, path, out, error);
}

static void put_top_path(const struct top *t, struct buf *path)
{
    buf_printf(path, "/api/v1/top?by=%s&limit=%u%c", model_by_name(t->by), (unsigned)t->limit,
               '\0');
}

static bool take(bool good, const struct top *t, struct buf *error)
{
    if (!good)
        buf_printf(error, "%s: this is not statsd's API", client_shown(t->client));
    return good;
}

/* returns  CLIENT_OK with the model filled; else error says why */
static enum client_result look(struct top *t, struct buf *error)
{
    struct buf json = { 0 }, path = { 0 };
    enum model_by by = t->by;
    bool good = true;
    put_top_path(t, &path);
    enum client_result rc = get(t, "/api/v1/status", &json, error);
    if (rc == CLIENT_OK)
        good = take(model_status(&t->model, buf_slice(&json)), t, error);
    if (rc == CLIENT_OK && good)
        rc = get(t, "/api/v1/conservation", &json, error);
    if (rc == CLIENT_OK && good)
        good = take(model_conservation(&t->model, buf_slice(&json)), t, error);
    if (rc == CLIENT_OK && good)
        rc = get(t, path.ptr, &json, error);
    if (rc == CLIENT_OK && good)
        good = take(model_top(&t->model, buf_slice(&json), by), t, error);
    buf_release(&json);
    buf_release(&path);
    return good ? rc : CLIENT_REFUSED;
}

static void set_clock(struct top *t)
{
    struct tm tm;
    time_t now = time(NULL);
    (void)strftime(t->clock, sizeof t->clock, "%H:%M:%S", localtime_r(&now, &tm));
    t->view.clock = t->clock;
}

/* ---- the screen ---- */

static void show(struct top *t)
{
    struct buf lines = { 0 };
    size_t columns, rows;
    screen_size(&columns, &rows);
    t->view.trouble = t->trouble.len > 0 ? t->trouble.ptr : NULL;
    if (columns < COLUMNS_LEAST || rows < ROWS_LEAST)
        buf_append_str(&lines, "too small\n");
    else
        frame_put(&t->model, &t->view, columns, rows, &lines);
    screen_show(buf_slice(&lines));
    buf_release(&lines);
}

static void type(struct top *t, int key)
{
    size_t n = strlen(t->filter);
    if (key == SCREEN_ENTER || key == SCREEN_ESCAPE)
        t->view.typing = false;
    if (key == SCREEN_ESCAPE)
        t->filter[0] = '\0';
    else if (key == SCREEN_ERASE && n > 0)
        t->filter[n - 1] = '\0';
    else if (key >= ' ' && n < FILTER_MAX) {
        t->filter[n] = (char)key;
        t->filter[n + 1] = '\0';
    }
}

static void press(struct top *t, int key)
{
    if (t->view.typing) {
        type(t, key);
        return;
    }
    if (key >= '1' && key < '1' + BY_COUNT) {
        t->by = (enum model_by)(key - '1');
        t->asked_anew = true;
    }
    t->view.typing = key == '/';
    t->view.by_name ^= key == 's';
    t->view.paused ^= key == ' ';
    t->view.help = key == '?' ? !t->view.help : t->view.help && key == SCREEN_RESIZED;
    t->quit = t->quit || key == 'q';
}

/* Of client_opts.idle.  returns  false: what is under way is no longer wanted */
static bool take_keys(void *top)
{
    struct top *t = top;
    bool any = false;
    for (int key; (key = screen_key()) != SCREEN_NO_KEY; any = true)
        press(t, key);
    t->quit = t->quit || screen_is_gone();
    if (any)
        show(t);
    return !t->quit && !t->asked_anew;
}

static void wait_for_keys(struct top *t, uint64_t until_ms)
{
    for (uint64_t now; (now = now_mono_ms()) < until_ms && take_keys(t);)
        screen_wait((unsigned)(until_ms - now));
}

/* Nothing: there is none any more. */
static void set_trouble(struct top *t, struct slice why)
{
    buf_clear(&t->trouble);
    buf_append_slice(&t->trouble, why);
    if (why.len > 0)
        buf_append_char(&t->trouble, '\0');
}

static void live(struct top *t)
{
    struct buf error = { 0 };
    while (!t->quit) {
        uint64_t begun_ms = now_mono_ms();
        t->asked_anew = false;
        set_clock(t);
        if (!t->view.paused) {
            if (look(t, &error) != CLIENT_ENOUGH)
                set_trouble(t, buf_slice(&error));
            buf_clear(&error);
        }
        show(t);
        wait_for_keys(t, begun_ms + EVERY_MS);
    }
    buf_release(&error);
}

static int run_live(struct top *t)
{
    struct buf error = { 0 };
    if (!screen_open()) {
        buf_append_str(&error, "this terminal cannot show it; --once prints one look as text");
        int rc = live_fail(t->io, &error);
        buf_release(&error);
        return rc;
    }
    t->view.keys = true;
    live(t);
    screen_close();
    return CLI_OK;
}

/* ---- once ---- */

/* Not as the server wrote it: this may be a terminal.  returns  false: it is no JSON */
static bool put_json(struct slice answer, struct buf *out)
{
    json_t *j = json_loadb(answer.ptr, answer.len, JSON_ALLOW_NUL, NULL);
    bool yes = live_json(j, out);
    json_decref(j);
    return yes;
}

static int print_json(struct top *t, struct buf *error)
{
    struct buf out = { 0 }, part = { 0 }, path = { 0 };
    put_top_path(t, &path);
    const struct {
        const char *name, *path;
    } parts[] = { { "status", "/api/v1/status" },
                  { "conservation", "/api/v1/conservation" },
                  { "top", path.ptr } };
    enum client_result rc = CLIENT_OK;
    for (size_t i = 0; i < ARRAY_LEN(parts) && rc == CLIENT_OK; i++) {
        rc = get(t, parts[i].path, &part, error);
        if (rc != CLIENT_OK)
            break;
        buf_printf(&out, "%s\"%s\":", i == 0 ? "{" : ",", parts[i].name);
        rc = take(put_json(buf_slice(&part), &out), t, error) ? rc : CLIENT_REFUSED;
    }
    buf_append_str(&out, "}\n");
    int status = rc == CLIENT_OK ? CLI_OK : CLI_FAILED;
    if (status == CLI_OK && !cli_write(t->io->out, &out))
        status = CLI_FAILED;
    buf_release(&out);
    buf_release(&part);
    buf_release(&path);
    return status;
}

static int print_frame(struct top *t, struct buf *error)
{
    struct buf out = { 0 };
    enum client_result rc = look(t, error);
    if (rc == CLIENT_OK) {
        live_sleep_ms(EVERY_MS);
        rc = look(t, error);
    }
    if (rc != CLIENT_OK)
        return CLI_FAILED;
    set_clock(t);
    size_t columns = t->io->columns > COLUMNS_LEAST ? t->io->columns : USUAL_COLUMNS;
    frame_put(&t->model, &t->view, columns, t->model.n + ONCE_ROWS, &out);
    bool written = cli_write(t->io->out, &out);
    buf_release(&out);
    return written ? CLI_OK : CLI_FAILED;
}

static int run_once(struct top *t, bool json)
{
    struct buf error = { 0 };
    t->limit = ONCE_ROWS;
    int rc = json ? print_json(t, &error) : print_frame(t, &error);
    if (error.len > 0)
        rc = live_fail(t->io, &error);
    buf_release(&error);
    return rc;
}

/* ---- the command ---- */

static int read_by(const struct cli_io *io, const char *by, enum model_by *ret)
{
    for (size_t i = 0; by != NULL && i < BY_COUNT; i++) {
        if (strcmp(by, model_by_name((enum model_by)i)) == 0) {
            *ret = (enum model_by)i;
            return CLI_OK;
        }
    }
    return by == NULL ? CLI_OK : cli_usage(io, "--by is samples, series, tags or sender");
}

int top_main(const struct cli_args *args, const struct cli_io *io)
{
    struct top t = { .io = io, .limit = ROWS_ASKED };
    struct client_opts opts;
    struct buf error = { 0 };
    bool is_once = args->once || args->json;
    int rc = live_opts(args, io, &opts);
    if (rc == CLI_OK)
        rc = read_by(io, args->by, &t.by);
    if (rc != CLI_OK)
        return rc;
    if (!is_once) {
        opts.idle = take_keys;
        opts.cookie = &t;
        opts.fd = STDIN_FILENO;
    }
    t.client = client_new(&opts, &error);
    if (t.client == NULL) {
        rc = live_fail(io, &error);
    } else {
        t.view.url = client_shown(t.client);
        t.view.filter = t.filter;
        rc = is_once ? run_once(&t, args->json) : run_live(&t);
    }
    client_free(t.client);
    model_release(&t.model);
    buf_release(&t.trouble);
    buf_release(&error);
    return rc;
}
