/**
 * redis_server: a private redis-server for a test, in a directory of its own.
 *
 * It listens on a Unix socket there and, when asked, on a free port of 127.0.0.1.  It dies with the
 * test process.  Anything that goes wrong ends the test with a message: a test without its Redis
 * proves nothing.
 */
#ifndef SUPPORT_REDIS_SERVER_H
#define SUPPORT_REDIS_SERVER_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct redis_server {
    char dir[64];
    char socket[96];   /* its path */
    char url[128];     /* unix://... */
    uint16_t port;     /* 0: no TCP */
    uint16_t tls_port; /* 0: no TLS */
    char tls[32];      /* see redis_server_opts */
    char tls_dir[80];  /* where its files are */
    bool tls_clients;
    bool appendonly;     /* what is written survives a stop and a start */
    char password[32];   /* "" none */
    pid_t pid;           /* 0: stopped */
    redisContext *admin; /* for redis_server_text and friends */
};

struct redis_server_opts {
    bool tcp, appendonly;
    const char *password;
    /* NAME: speaks TLS with NAME.pem and NAME.key of the working directory, and takes the
     * certificates of clients that ca.pem signed. */
    const char *tls;
    bool tls_clients; /* asks them for one */
};

/* Makes the directory, starts nothing */
void redis_server_init(struct redis_server *s, const struct redis_server_opts *opts);
void redis_server_start(struct redis_server *s);   /* returns when it answers */
void redis_server_spawn(struct redis_server *s);   /* does not wait for it */
void redis_server_stop(struct redis_server *s);    /* by SIGTERM, and waits for its end */
void redis_server_kill(struct redis_server *s);    /* by SIGKILL */
void redis_server_release(struct redis_server *s); /* stops, removes the directory */

/* A command, as of redisCommand; an error reply ends the test. */
redisReply *redis_server_reply(struct redis_server *s, const char *format, ...);
/* The same, as text of our own (free it): integers in decimal, nil as NULL. */
char *redis_server_text(struct redis_server *s, const char *format, ...);
long long redis_server_integer(struct redis_server *s, const char *format, ...);

#endif
