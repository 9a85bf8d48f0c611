/*
 * Answers of a userspace WireGuard: the program's own send, recv and poll come
 * before libc's and hand out the input, in pieces that it chooses. Whatever
 * comes, a dump holds only what the protocol allows, and an answer that breaks
 * a rule ends the connection.
 */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "../../kernel/uapi.h"
#include "fuzz.h"

static struct fz answer;
static bool scripted, ended;
static char dir[] = "/tmp/fuzzuapi.XXXXXX";

ssize_t
send(int fd, const void *buf, size_t len, int flags)
{
	(void)fd;
	(void)flags;
	must(len > 2 && memcmp((const char *)buf + len - 2, "\n\n", 2) == 0);
	return (ssize_t)len;
}

ssize_t
recv(int fd, void *buf, size_t len, int flags)
{
	size_t want = (size_t)fz_u8(&answer) * 4 + 1, n;
	const uint8_t *p = fz_take(&answer, want < len ? want : len, &n);

	(void)fd;
	(void)flags;
	memcpy(buf, p, n);
	return (ssize_t)n;
}

int
poll(struct pollfd *fds, nfds_t n, int timeout)
{
	(void)timeout;
	must(scripted && n == 1);
	fds[0].revents = POLLIN | POLLOUT;
	return 1;
}

int
shutdown(int fd, int how)
{
	(void)fd;
	(void)how;
	ended = true;
	return 0;
}

static void
remove_dir(void)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/wgt.sock", dir);
	(void)unlink(path);
	(void)rmdir(dir);
}

/* Somebody to connect to; not a byte goes that way. */
int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)argc;
	(void)argv;
	must(mkdtemp(dir) != NULL);
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/wgt.sock", dir);
	must(bind(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0);
	must(chmod(sun.sun_path, 0700) == 0 && listen(fd, 4) == 0);
	must(uapi_connect(dir, "wgt", 0) == 0);
	remove_dir();
	scripted = true;
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wg_device d = {.ifindex = 1};
	struct wg_dump s = {.d = &d};
	struct wg_change ch = {.op = WG_ADD};
	static const uint8_t key[WG_KEY_LEN] = {1};
	uint8_t how;
	size_t i;
	int r;

	answer = (struct fz){data, size};
	ended = false;
	how = fz_u8(&answer);
	if (how == 's')
		r = wg_uapi.set(1, key, 51820);
	else if (how == 'c')
		r = wg_uapi.change(1, &ch, 1);
	else
		r = wg_uapi.get(1, &s);
	must(r <= 0 && r >= -4095);
	must(!ended || r != 0);
	for (i = 0; i < d.npeers; i++) {
		const struct wg_peer *p = &d.peers[i];

		must(p->handshake >= 0 && (p->nallowed != 0 || !p->addr.len));
		must(p->endpoint.ip.len == 0 || p->endpoint.ip.len == 4 ||
		     p->endpoint.ip.len == 16);
	}
	wg_device_free(&d);
	return 0;
}
