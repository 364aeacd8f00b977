#include "cmd/live/live.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/number.h"
#include "cmd/live/plain.h"

static const char *environment(const struct cli_io *io, const char *name)
{
    size_t n = strlen(name);
    for (char *const *e = io->environ; e != NULL && *e != NULL; e++)
        if (strncmp(*e, name, n) == 0 && (*e)[n] == '=' && (*e)[n + 1] != '\0')
            return *e + n + 1;
    return NULL;
}

bool live_is_named(const struct cli_io *io)
{
    return environment(io, "STATSD_URL") != NULL;
}

int live_opts(const struct cli_args *args, const struct cli_io *io, struct client_opts *ret)
{
    const char *url = args->from != NULL ? args->from : environment(io, "STATSD_URL");
    if (url == NULL)
        url = "http://127.0.0.1:9102";
    if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
        return cli_usage(io, "%s is no URL such as http://127.0.0.1:9102", url);
    *ret = (struct client_opts){
        .url = url, .ca_file = args->ca, .insecure = args->insecure, .fd = -1, .wait_ms = 1000
    };
    (void)setlocale(LC_CTYPE, ""); /* NOLINT(concurrency-mt-unsafe): no other thread runs */
    return CLI_OK;
}

int live_number(const struct cli_io *io, const char *option, const char *text, uint64_t least,
                uint64_t most, uint64_t *ret)
{
    int64_t n;
    if (text == NULL)
        return CLI_OK;
    if (!number_parse_int(slice_str(text), &n) || n < 0 || (uint64_t)n < least ||
        (uint64_t)n > most)
        return cli_usage(io, "%s is a number from %llu to %llu", option, (unsigned long long)least,
                         (unsigned long long)most);
    *ret = (uint64_t)n;
    return CLI_OK;
}

int live_fail(const struct cli_io *io, struct buf *error)
{
    struct buf line = { 0 };
    buf_append_str(&line, "statsd: ");
    (void)plain_put(buf_slice(error), SIZE_MAX, &line);
    buf_append_char(&line, '\n');
    (void)cli_write(io->err, &line);
    buf_release(&line);
    buf_clear(error);
    return CLI_FAILED;
}

bool live_json(const json_t *j, struct buf *out)
{
    char *text = json_dumps(j, JSON_COMPACT | JSON_ENSURE_ASCII);
    for (const char *c = text; c != NULL && *c != '\0'; c++) {
        if (*c == 0x7f)
            buf_append_str(out, "\\u007f");
        else
            buf_append_char(out, *c);
    }
    free(text);
    return text != NULL;
}

void live_sleep_ms(unsigned ms)
{
    const struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };
    (void)nanosleep(&t, NULL);
}
