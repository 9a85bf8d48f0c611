/*
 * wesher-priv, while it still has every privilege: folders, pid file, key,
 * sockets, interface. Paths below /var/lib/wesher/INTERFACE belong to the
 * gossip process and are never opened here; elsewhere a link, or a folder
 * that others can write, is refused.
 */
#include <sys/socket.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "../common/keyfile.h"
#include "../common/log.h"
#include "../common/owned.h"
#include "../kernel/sockets.h"
#include "setup.h"

int
setup_dirs(const struct policy *pol, const struct runas *as)
{
	struct stat st;
	int fd, state = owned_dir(pol->statedir, 0711);

	if ((mkdirat(state, pol->interface, 0700) == -1 && errno != EEXIST) ||
	    (fd = openat(state, pol->interface,
		 O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) == -1 ||
	    fstat(fd, &st) == -1 ||
	    (st.st_uid == geteuid() &&
		(fchownat(fd, "", as->uid, as->gid, AT_EMPTY_PATH) == -1 ||
		    fstat(fd, &st) == -1)) ||
	    /* the one before may have shut itself out */
	    (st.st_uid == as->uid && (st.st_mode & 0700) != 0700 &&
		fchmodat(state, pol->interface, st.st_mode | 0700, 0) == -1))
		fatal("%s/%s", pol->statedir, pol->interface);
	if (st.st_uid != as->uid || (st.st_mode & 077))
		fatalx("%s/%s: must belong to %s, mode 0700: chown -R %s it",
		    pol->statedir, pol->interface, pol->user, pol->user);
	close(state);
	return fd;
}

int
setup_lock(const struct policy *pol)
{
	char path[PATH_MAX], pid[16];
	int fd;

	close(owned_dir(pol->rundir, 0755));
	snprintf(path, sizeof(path), "%s/%s.pid", pol->rundir, pol->interface);
	if ((fd = owned_lock(path, pid)) == -1)
		fatalx("interface %s is in use by wesher, pid %s: `wesher "
		       "leave --interface %s` ends it",
		    pol->interface, pid, pol->interface);
	return fd;
}

void
setup_key(const struct policy *pol, struct wgkey *k, bool fresh)
{
	int err = -ENOENT, dir = owned_dir(pol->keydir, 0700);
	char name[IFNAMSIZ + 8];

	snprintf(name, sizeof(name), "%s.key", pol->interface);
	if ((k->priv = sodium_malloc(WG_KEY_LEN)) == NULL)
		fatal("locked memory");
	if (!fresh)
		err = keyfile_read(dir, name, k->priv);
	if (err == -ENOENT) {
		wgkey_make(k->priv);
		err = keyfile_write(dir, name, k->priv);
	}
	close(dir);
	if (err == -EINVAL || err == -ELOOP)
		fatalx("WireGuard key %s is damaged or not root's alone: "
		       "`wesher key --new-wireguard` makes another",
		    name);
	if (err != 0)
		fatalx("WireGuard key %s: %s", name, strerror(-err));
	if (crypto_scalarmult_base(k->pub, k->priv) != 0 ||
	    sodium_mprotect_noaccess(k->priv) != 0)
		fatal("WireGuard key %s", name);
}

int
setup_socket(const struct policy *pol, int type)
{
	struct ipport at = {.ip = pol->bind_addr, .port = pol->cluster_port};
	char text[IPPORT_STRLEN];
	int fd = sockets_open(&at.ip, type, pol->bind_iface);

	if (fd == -1)
		fatal("membership socket%s%s", pol->bind_iface[0] ? " on " : "",
		    pol->bind_iface);
	if (sockets_bind(fd, &at, type) == 0)
		return fd;
	if (errno == EADDRINUSE)
		fatalx("port %u is in use (Docker Swarm uses 7946 too): choose "
		       "another with --cluster-port on every member",
		    at.port);
	fatal("cannot bind %s (--bind-addr is to be an address of this host)",
	    ipport_str(&at, text));
}

int
setup_control(const struct policy *pol)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/%s.sock", pol->rundir, pol->interface);
	if ((fd = sockets_control(path, SOCKETS_GROUP)) == -1)
		fatal("%s", path);
	return fd;
}

int
setup_metrics(const struct policy *pol)
{
	int fd = -1;

	if (pol->metrics[0] != '\0' &&
	    (fd = sockets_metrics(pol->metrics)) == -1)
		fatal("--metrics %s (to be a free port at an address of this "
		      "host, or a path in a folder of root's)",
		    pol->metrics);
	return fd;
}

struct hosts *
setup_hosts(const struct policy *pol)
{
	const int flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC;
	struct hosts *h = NULL;
	char path[PATH_MAX];
	int lock, etc;

	if (pol->no_etc_hosts)
		return NULL;
	/* Of root's alone: who can open a file can lock it. */
	snprintf(path, sizeof(path), "%s/hosts.lock", pol->rundir);
	if ((lock = open(path, flags, 0600)) == -1)
		fatal("%s", path);
	etc = open(pol->etcdir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (etc == -1 || !(h = hosts_open(etc, pol->interface, lock)))
		fatal("%s", pol->etcdir);
	return h;
}

/* Key and port, unless they are set: setting ends the peers' sessions. */
static int
link_key(
    const struct policy *pol, struct wgkey *k, unsigned ifindex, bool created)
{
	struct wg_device d;
	bool same;
	int err = wg_device_get(ifindex, &d);

	if (err != 0)
		return err;
	same = d.port == pol->wireguard_port &&
	       memcmp(d.pubkey, k->pub, WG_KEY_LEN) == 0;
	wg_device_free(&d);
	k->was_set = !same;
	if (same)
		return 0;
	if (!created)
		log_warnx("%s: had another private key or listen port: ours "
			  "are set",
		    pol->interface);
	(void)sodium_mprotect_readonly(k->priv);
	err = wg_device_set(ifindex, k->priv, pol->wireguard_port);
	(void)sodium_mprotect_noaccess(k->priv);
	return err;
}

int
setup_link(const struct policy *pol, struct wgkey *k, unsigned *ifindex,
    bool *created, const char **why)
{
	static bool opened; /* the family exists once the module is loaded */
	struct rtnl_link l;
	int err = rtnl_link_get(pol->interface, &l);

	*created = err == -ENODEV;
	if (*created && (err = rtnl_link_create(pol->interface)) == -EOPNOTSUPP)
		err = wg_start(pol->interface);
	if (*created && err == 0)
		err = rtnl_link_get(pol->interface, &l);
	if (err == 0 && !wg_ours(pol->interface, l.kind))
		err = -EEXIST;
	if (err == 0 && !opened)
		opened = (err = wg_open(pol->interface, l.kind)) == 0;
	if (err == 0 && (err = link_key(pol, k, l.ifindex, *created)) == 0 &&
	    (!l.up || l.mtu != pol->mtu))
		err = rtnl_link_up(l.ifindex, pol->mtu);
	if (err != 0 && *created)
		(void)rtnl_link_delete(pol->interface);
	*why = strerror(-err);
	if (err == 0)
		*ifindex = l.ifindex;
	else if (err == -EOPNOTSUPP)
		*why = "this kernel has no WireGuard: load the module "
		       "(modprobe wireguard), install a kernel that has it, "
		       "or wireguard-go";
	else if (err == -EEXIST)
		*why = "exists and is no WireGuard interface: choose another "
		       "with --interface";
	else if (err == -EADDRINUSE)
		*why = "the WireGuard port is in use: choose another with "
		       "--wireguard-port";
	return err;
}

int
setup_unlink(const struct policy *pol, struct hosts *h)
{
	struct rtnl_link l;
	int err = rtnl_link_get(pol->interface, &l), rv = 0;

	if (err == 0)
		err = wg_ours(pol->interface, l.kind)
			  ? rtnl_link_delete(pol->interface)
			  : -EEXIST;
	if (err != 0 && err != -ENODEV) {
		log_errorx("%s: %s", pol->interface,
		    err == -EEXIST ? "is no WireGuard interface"
				   : strerror(-err));
		rv = -1;
	}
	if (h != NULL && (err = hosts_clear(h)) < 0) {
		log_errorx("hosts file: %s", strerror(-err));
		rv = -1;
	}
	return rv;
}
