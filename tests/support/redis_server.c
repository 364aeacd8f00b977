#include "support/redis_server.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { START_LIMIT_MS = 10000 };

static void give_up(const char *what, const char *detail)
{
    fprintf(stderr, "redis-server for the test: %s: %s\n", what, detail);
    exit(1);
}

static uint16_t free_port(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t n = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) < 0 ||
        getsockname(fd, (struct sockaddr *)&a, &n) < 0)
        give_up("no free port", strerror(errno));
    close(fd);
    return ntohs(a.sin_port);
}

void redis_server_init(struct redis_server *s, const struct redis_server_opts *opts)
{
    memset(s, 0, sizeof *s);
    strcpy(s->dir, "/tmp/statsd-redis-XXXXXX");
    if (mkdtemp(s->dir) == NULL)
        give_up("no directory", strerror(errno));
    snprintf(s->socket, sizeof s->socket, "%s/redis.sock", s->dir);
    snprintf(s->url, sizeof s->url, "unix://%s", s->socket);
    if (opts != NULL) {
        s->port = opts->tcp ? free_port() : 0;
        s->appendonly = opts->appendonly;
        s->tls_port = opts->tls != NULL ? free_port() : 0;
        s->tls_clients = opts->tls_clients;
        if (opts->tls != NULL && getcwd(s->tls_dir, sizeof s->tls_dir) == NULL)
            give_up("no working directory", strerror(errno));
        snprintf(s->tls, sizeof s->tls, "%s", opts->tls ? opts->tls : "");
        snprintf(s->password, sizeof s->password, "%s", opts->password ? opts->password : "");
    }
}

enum { ARGS_MAX = 40, TEXT_MAX = 128 };

struct args {
    const char *at[ARGS_MAX]; /* ends in NULL */
    size_t n;
    char texts[4][TEXT_MAX];
};

static void add(struct args *a, const char *option, const char *value)
{
    a->at[a->n++] = option;
    a->at[a->n++] = value;
}

static void add_tls(const struct redis_server *s, struct args *a)
{
    snprintf(a->texts[0], TEXT_MAX, "%u", (unsigned)s->tls_port);
    snprintf(a->texts[1], TEXT_MAX, "%s/%s.pem", s->tls_dir, s->tls);
    snprintf(a->texts[2], TEXT_MAX, "%s/%s.key", s->tls_dir, s->tls);
    snprintf(a->texts[3], TEXT_MAX, "%s/ca.pem", s->tls_dir);
    add(a, "--tls-port", a->texts[0]);
    add(a, "--tls-cert-file", a->texts[1]);
    add(a, "--tls-key-file", a->texts[2]);
    add(a, "--tls-ca-cert-file", a->texts[3]);
    add(a, "--tls-auth-clients", s->tls_clients ? "yes" : "no");
}

static _Noreturn void run_child(const struct redis_server *s)
{
    char port[8], log[96];
    snprintf(port, sizeof port, "%u", (unsigned)s->port);
    snprintf(log, sizeof log, "%s/log", s->dir);
    struct args a = { .at = { "redis-server" }, .n = 1 };
    if (s->tls_port != 0)
        add_tls(s, &a);
    add(&a, "--port", port);
    add(&a, "--bind", "127.0.0.1");
    add(&a, "--unixsocket", s->socket);
    add(&a, "--dir", s->dir);
    add(&a, "--logfile", log);
    add(&a, "--save", "");
    add(&a, "--appendfsync", "no");
    add(&a, "--daemonize", "no");
    add(&a, "--appendonly", s->appendonly ? "yes" : "no");
    if (s->password[0] != '\0')
        add(&a, "--requirepass", s->password);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int null = open("/dev/null", O_RDWR);
    dup2(null, 0);
    dup2(null, 1);
    dup2(null, 2);
    execvp(a.at[0], (char *const *)(uintptr_t)a.at);
    _exit(127);
}

void redis_server_spawn(struct redis_server *s)
{
    unlink(s->socket);
    s->pid = fork();
    if (s->pid < 0)
        give_up("fork", strerror(errno));
    if (s->pid == 0)
        run_child(s);
}

static bool answers(struct redis_server *s)
{
    redisContext *c = redisConnectUnix(s->socket);
    if (c == NULL || c->err != 0) {
        redisFree(c);
        return false;
    }
    if (s->password[0] != '\0')
        freeReplyObject(redisCommand(c, "AUTH %s", s->password));
    redisReply *r = redisCommand(c, "PING");
    bool ok = r != NULL && r->type == REDIS_REPLY_STATUS && strcmp(r->str, "PONG") == 0;
    freeReplyObject(r);
    if (!ok) {
        redisFree(c);
        return false;
    }
    s->admin = c;
    return true;
}

void redis_server_start(struct redis_server *s)
{
    if (s->pid == 0)
        redis_server_spawn(s);
    for (int ms = 0; !answers(s); ms++) {
        int status;
        if (waitpid(s->pid, &status, WNOHANG) == s->pid) {
            s->pid = 0;
            bool missing = WIFEXITED(status) && WEXITSTATUS(status) == 127;
            give_up("it ended",
                    missing ? "is redis-server installed? (Debian: apt-get install redis-server)"
                            : s->dir);
        }
        if (ms == START_LIMIT_MS)
            give_up("it does not answer", s->socket);
        nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
    }
}

static void end(struct redis_server *s, int signal_number)
{
    redisFree(s->admin);
    s->admin = NULL;
    if (s->pid == 0)
        return;
    kill(s->pid, signal_number);
    kill(s->pid, SIGCONT);
    while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    s->pid = 0;
}

void redis_server_stop(struct redis_server *s)
{
    end(s, SIGTERM);
}

void redis_server_kill(struct redis_server *s)
{
    end(s, SIGKILL);
}

void redis_server_release(struct redis_server *s)
{
    char command[128];
    end(s, SIGKILL);
    if (strncmp(s->dir, "/tmp/statsd-redis-", 18) != 0)
        return;
    snprintf(command, sizeof command, "rm -rf '%s'", s->dir);
    if (system(command) != 0)
        give_up("cannot remove", s->dir);
}

static redisReply *command(struct redis_server *s, const char *format, va_list ap)
{
    if (s->admin == NULL && !answers(s))
        give_up("not running", format);
    redisReply *r = redisvCommand(s->admin, format, ap);
    if (r == NULL)
        give_up(format, s->admin->errstr);
    if (r->type == REDIS_REPLY_ERROR)
        give_up(format, r->str);
    return r;
}

redisReply *redis_server_reply(struct redis_server *s, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    redisReply *r = command(s, format, ap);
    va_end(ap);
    return r;
}

char *redis_server_text(struct redis_server *s, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    redisReply *r = command(s, format, ap);
    va_end(ap);
    char *text = NULL;
    if (r->type == REDIS_REPLY_INTEGER) {
        if (asprintf(&text, "%lld", r->integer) < 0)
            give_up("memory", format);
    } else if (r->type == REDIS_REPLY_STRING || r->type == REDIS_REPLY_STATUS) {
        text = strndup(r->str, r->len);
    }
    freeReplyObject(r);
    return text;
}

long long redis_server_integer(struct redis_server *s, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    redisReply *r = command(s, format, ap);
    va_end(ap);
    if (r->type != REDIS_REPLY_INTEGER)
        give_up("not an integer", format);
    long long n = r->integer;
    freeReplyObject(r);
    return n;
}
