/*
 * A text as redis.url: read into hosts or a path, or refused with one line.  What was read is
 * printed without its password, and what is printed of a URL without one reads as the same.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/slice.h"
#include "sinks/redis/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_hosts(const struct redis_url *u)
{
    assert(u->n_hosts <= REDIS_URL_HOSTS_MAX && (u->n_hosts > 0) != (u->path != NULL));
    for (uint8_t i = 0; i < u->n_hosts; i++)
        assert(u->hosts[i].host[0] != '\0' && u->hosts[i].port > 0);
    assert(u->master == NULL || (u->master[0] != '\0' && u->n_hosts > 0));
    assert(u->db <= REDIS_URL_DB_MAX && (u->n_hosts < 2 || u->master != NULL || u->db == 0));
}

/* What is not percent-encoded where it is printed. */
static bool plain(const char *text)
{
    return text == NULL || strpbrk(text, "%@/?#:,[]") == NULL;
}

static void check_again(const struct redis_url *u, const char *text)
{
    struct redis_url again;
    int rc = redis_url_parse(text, &again, NULL);
    assert(rc == 0 && again.n_hosts == u->n_hosts && again.tls == u->tls && again.db == u->db);
    for (uint8_t i = 0; i < u->n_hosts; i++) {
        assert(strcmp(again.hosts[i].host, u->hosts[i].host) == 0);
        assert(again.hosts[i].port == u->hosts[i].port);
    }
    assert((again.master == NULL) == (u->master == NULL));
    assert(u->master == NULL || strcmp(again.master, u->master) == 0);
    redis_url_release(&again);
    (void)rc;
}

static void check(const struct redis_url *u)
{
    static char text[1 << 16];
    check_hosts(u);
    int len = redis_url_print(u, text, sizeof text);
    assert(len > 0 && (size_t)len < sizeof text && strlen(text) == (size_t)len);
    assert(u->password == NULL || strstr(text, ":***@") != NULL);
    bool hosts = true;
    for (uint8_t i = 0; i < u->n_hosts; i++)
        hosts &= strpbrk(u->hosts[i].host, "@[]/") == NULL;
    if (hosts && u->path == NULL && u->user == NULL && u->password == NULL && plain(u->master))
        check_again(u, text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct redis_url u;
    const char *error = NULL;
    if (size > 4096 || memchr(data, '\0', size) != NULL)
        return 0;
    char *url = malloc(size + 1);
    if (url == NULL)
        return 0;
    if (size > 0)
        memcpy(url, data, size);
    url[size] = '\0';
    int rc = redis_url_parse(url, &u, &error);
    free(url);
    assert((rc == 0) == (error == NULL));
    if (rc < 0) {
        assert(error[0] != '\0' && strchr(error, '\n') == NULL);
        return 0;
    }
    check(&u);
    redis_url_release(&u);
    return 0;
}
