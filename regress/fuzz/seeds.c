/*
 * First inputs for the fuzzers, made from regress/vectors and from texts that
 * stand here: seeds FOLDER writes FOLDER/HARNESS/NUMBER. What a harness wants
 * in front of its data (a byte that says how) is said in its own file.
 */
#include <sys/stat.h>

#include <errno.h>

#include "../unit/vec.h"

#include "../../wesher/wire.h"
#include "fuzz.h"

static const char *root;
static unsigned count;

static void
seed(const char *harness, const char *head, size_t headlen, const void *p,
    size_t len)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", root, harness);
	if (mkdir(path, 0755) == -1 && errno != EEXIST)
		err(1, "%s", path);
	snprintf(path, sizeof(path), "%s/%s/%04u", root, harness, count++);
	if ((f = fopen(path, "w")) == NULL ||
	    fwrite(head, 1, headlen, f) != headlen ||
	    fwrite(p, 1, len, f) != len || fclose(f) != 0)
		err(1, "%s", path);
}

static void
text(const char *harness, const char *s, size_t len)
{
	seed(harness, "", 0, s, len);
}
#define TEXT(harness, s) text(harness, s, sizeof(s) - 1)

static void
record(json_t *rec)
{
	struct vec plain = vec_hexof(rec, "plaintext_hex"),
		   wire = vec_hexof(rec, "wire_hex"),
		   msg = vec_hexof(rec, "message_hex");

	if (strcmp(vec_str(rec, "proto"), "udp") == 0) {
		seed("packet", "", 0, plain.p, plain.len);
		seed("packet", "", 0, msg.p, msg.len);
		seed("sealed", "\0", 1, plain.p, plain.len);
		seed("sealed", "\x12", 1, wire.p, wire.len);
		seed("sealed", "\x10", 1, plain.p, plain.len);
	} else if (plain.len < 8192) {
		seed("stream", "\x20", 1, plain.p, plain.len);
		seed("stream", "\x11", 1, msg.p, msg.len);
	}
	/* A map, then what it holds, skipped or read. */
	seed("msgpack", "\4\0\1\2\1\2\1\2\1\2\1\2\3\4\4\4", 16, msg.p + 1,
	    msg.len == 0 ? 0 : msg.len - 1);
	free(plain.p);
	free(wire.p);
	free(msg.p);
}

static void
hexes(const char *file, const char *key, const char *harness, const char *head,
    size_t headlen)
{
	json_t *all = vec_load(file), *rec;
	struct vec v;
	size_t i;

	json_array_foreach(all, i, rec)
	{
		if (json_object_get(rec, key) == NULL)
			continue;
		v = vec_hexof(rec, key);
		if (v.len < 4096)
			seed(harness, head, headlen, v.p, v.len);
		free(v.p);
	}
	json_decref(all);
}

static void
texts(void)
{
	TEXT("state",
	    "{\"ClusterKey\":\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\","
	    "\"Nodes\":[{\"Name\":\"node2\",\"Addr\":\"192.0.2.2\",\"Port\":1,"
	    "\"Meta\":\"Mv8=\",\"OverlayAddr\":\"10.1.2.3\",\"PubKey\":"
	    "\"q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s=\"}],"
	    "\"Incarnation\":1700000000,\"Attempt\":3}\n");
	TEXT("state",
	    "{\"ClusterKey\":\"\",\"Nodes\":[{\"Name\":\"a\",\"Addr\":"
	    "\"fd00::1\",\"Meta\":\"\",\"OverlayAddr\":{\"IP\":\"10.1.2.3\","
	    "\"Mask\":\"/////w==\"},\"PubKey\":\"\"}]}");
	TEXT("state", "{\"Nodes\":null}");
	TEXT("hosts",
	    "\2\5\2node1\5\3node2"
	    "127.0.0.1 localhost\n192.0.2.9\tNODE2 other # a word\n"
	    "10.0.0.2\tnode1\t# ! managed automatically by wesher interface "
	    "wgoverlay\n10.0.0.9\tx\t# ! managed automatically by wesher "
	    "interface wg1\nend without a line's end");
	TEXT("hosts", "\1\x89\2localhost::1 ip6\n10.0.0.2 gone "
		      "# ! MANAGED AUTOMATICALLY !\n");
	TEXT("options",
	    "\4--cluster-key\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"
	    "--join\na,b:1,[fd00::1]:2\nWESHER_MTU=1400\nWESHER_INTERFACE=x\n"
	    "WESHER_OVERLAY_NET=fd00:1::/64");
	TEXT("options",
	    "\6--interface=wg1\n--overlay-net=10.2.0.0/16\n-d\n--init\n"
	    "--keepalive\n25\nWESHER_LOG_LEVEL=info\nWESHER_NO_ETC_HOSTS=yes");
	TEXT("options", "\3status\n--json\n--user=nobody");
	TEXT("options", "\2leave\n--interface=x");
	TEXT("options",
	    "\x12--interface\nwg0\n--overlay-net\nfd00::/64\n--cluster-port\n"
	    "7946\n--mtu\n1420\n--user\n_wesher\n--log-level\nwarn\n"
	    "--bind-addr\n192.0.2.1\n--keep-interface\n--conf-fd\n4\n"
	    "--gossip-fd\n5");
	TEXT("options", "\3--remove\n--interface=wg0\n--no-etc-hosts");
	TEXT("text", "rnameserver 192.0.2.53\nnameserver\tfd00::53\noptions a");
	TEXT("text", "l\7<4>a warning\n<7>x\x1b[2Jy\nno level\n");
	TEXT("text", "nnode-1.example_x");
	TEXT("text", "a192.0.2.1/24");
	TEXT("text", "a2001:db8::1");
	TEXT("text", "a::ffff:10.0.0.1/112");
	TEXT("text", "a1420");
	TEXT("uapi",
	    "g\xff"
	    "private_key="
	    "e84b5a6d2717c1003a13b431570353dbaca9146cf150c5f8575680feba52027a"
	    "\nlisten_port=12912\npublic_key="
	    "b85996fecc9c7f1fc6d2572a76eda11d59bcd20be8e543b15ce4bd85a8e75a33"
	    "\nprese\xffhared_key="
	    "188515093e952f5f22e865cef3012e72f8b5f0b598ac0309d5dacce3b70fcf52"
	    "\nallowed_ip=10.0.0.4/32\nendpoint=[fd00::1]:51820\ntx_bytes=38"
	    "\nrx_bytes=9\nlast_handshake_time_sec=1700000000\nprotocol"
	    "\x40_version=1\npersistent_keepalive_interval=25\nerrno=0\n\n");
	TEXT("uapi", "s\xff"
		     "errno=0\n\n");
	TEXT("uapi", "c\xff"
		     "errno=-22\n\n");
}

/* Datagrams as netlink.c reads them: how, how, length, payload. */
static void
netlinks(void)
{
	TEXT("netlink",
	    "\0\0\2\0\x20\0\0\1\0\7\0\0\0\1\0\0\0\0\0\0\0"
	    "\x08\0\4\0\x8c\5\0\0\x10\0\x12\0\x0c\0\1\0wg\0\0\0\0\0\0"
	    "\0\x80\0\0");
	TEXT("netlink",
	    "\1\0\3\0\x18\2\x20\0\0\2\0\0\0\x08\0\1\0\xc0\0\2\1\x08\0\2\0"
	    "\xc0\0\2\1\0\x81\0\0\0\x81\0\0\0\4\0\x1c\2\x18\0\0\xfe\3\0\1\0\0"
	    "\0\0\x08\0\1\0\xc6\x33\x64\0\x08\0\4\0\2\0\0\0\0\x81\0\0"
	    "\0\x81\0\0");
	TEXT("netlink",
	    "\2\0\4\0\x24\2\x20\0\0\xfe\4\0\1\0\0\0\0\x08\0\1\0\x0a\0\0\7"
	    "\x08\0\4\0\7\0\0\0\x08\0\x0f\0\xfe\0\0\0\0\x81\0\0\0\x81\0\0");
	TEXT("netlink",
	    "\3\0\3\0\x18\2\x20\0\0\7\0\0\0\x08\0\1\0\x0a\0\0\1\x08\0\2\0"
	    "\x0a\0\0\1\0\x81\0\0");
	TEXT("netlink", "\4\0\4\0\x0c\2\x20\0\0\0\0\0\1\0\0\0\0\0\x80\0\0");
	TEXT("netlink", "\5\0\2\0\x04\0\0\0\0");
	TEXT("netlink", "\6\0\x80\0\0\0\x80\0\0");
	TEXT("netlink",
	    "\7\0\5\0\x78\0\1\0\0\x74\0\x08\x80\x70\0\0\x80\x24\0\1\0"
	    "abcdefghijklmnopqrstuvwxyzABCDEF\x14\0\4\0\2\0\xca\x6c\xc0\0\2\1"
	    "\0\0\0\0\0\0\0\0\6\0\5\0\x19\0\0\0\x0c\0\7\0\1\0\0\0\0\0\0\0"
	    "\x20\0\x09\x80\x1c\0\0\x80\6\0\1\0\2\0\0\0\x08\0\2\0\x0a\0\0\4"
	    "\5\0\3\0\x20\0\0\0\0\x81\0\0");
}

/* Byte strings of events: core.c and boundary.c say what they mean. */
static void
events(void)
{
	TEXT("core",
	    "\0\2\1\1\2\1\2\0\2\2\1\2\1\3\0\0\5\0\7\0\5\0\7\4\1\2\2\0\0\11"
	    "\5\1\2\1\2\0\0\2\1\3\0\3\0\12\5\2\1\1\2\1\2\2\1\3\1\4\3\1\0");
	TEXT("core",
	    "\3\15\0\1\2\0\0\4\13\0\2\1\1\2\5\0\2\1\1\2\6\1\13\1\0\7\x82\1\1\2"
	    "\1\2\0\x82\2\1\2\1\3\0\4\1\2\0\1\0\0\10\14\0\15\4\1\3\0\0\0\5\0\7"
	    "\15\7\1\2L\0\7");
	TEXT("core",
	    "\2\2\1\1\2\1\2\0\6\0\1\0\0\7\2\5\1\2\0\0\2\10\1\1\0\0\11\1\1\0\0"
	    "\12\203\1\1\2\1\2\0\2\1\2\1\3\1\0\10\15\3\1\0\4\0\10");
	TEXT("boundary",
	    "\x28\1\0\1\0\1\0\2\1\2\1\2\0\1\0\0\3\1\2\0\1\0\0\2\0\1\0\2\0\2"
	    "\3\4\1\x2a\1\0\x05\5\6\1\1\0");
	TEXT("boundary",
	    "\xe0\x47\x08\1\x47\4\2\2\x47\1\5\0\0\0\2\2\x47\2\3\1\1\1\2\3\x28"
	    "\0\1\x47\3\6\1\x47\5\7\6\6\x47\1\5\0\0\0\2\2\5\xff");
	TEXT("boundary",
	    "\x3b\x47\0\1\x75\0\0\0\1\7\x47\0\2\x35\1\0\0\2\11\6\4\x47\0\3\x0d"
	    "\0\0\3\0\1\x06\5");
}

int
main(int argc, char **argv)
{
	if (argc != 2)
		errx(1, "usage: seeds FOLDER");
	root = argv[1];
	if (mkdir(root, 0755) == -1 && errno != EEXIST)
		err(1, "%s", root);
	(void)vec_memberlist(record);
	hexes("lzw.json", "lzw_hex", "lzw", "\xff\xff\x07", 3);
	hexes("lzw.json", "plain_hex", "lzw", "\xff\xff\x40", 3);
	hexes("meta-v0.3.json", "meta_hex", "meta", "m", 1);
	hexes("meta-v0.2.6.json", "meta_hex", "meta", "m", 1);
	hexes("gob-accepted.json", "hex", "meta", "m", 1);
	hexes("gob-handmade.json", "hex", "meta", "m", 1);
	TEXT("meta", "X\1\1\1\5\2\2\xca\x6c\3\0\4\4\0\0\0\1");
	texts();
	netlinks();
	events();
	return 0;
}
