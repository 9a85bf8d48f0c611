/*
 * Sockets by their own system calls, on machines whose libc makes all of them
 * by one, socketcall(2), with the arguments in memory: a system call filter
 * cannot see those, and kills (common/filter.c). Linux has the separate calls
 * since 4.3; glibc uses them there only when it is built for no older kernel,
 * and Debian's is not.
 *
 * Both programs link this, and what a program defines comes before libc, for
 * its libraries too. The functions have names of their own here because libc's
 * declarations differ (unions, attributes): all arguments are registers, which
 * is how these two machines pass int, pointer and size alike.
 */
#include <sys/syscall.h>

#include <stdlib.h>
#include <unistd.h>

#if (defined(__i386__) || defined(__s390x__)) && defined(__GLIBC__)

/* Weak, since tests have their own. */
#define IS(name) __asm__(name) __attribute__((weak))

#define CALL2(name, n)                                \
	long direct_##name(long a, long b) IS(#name); \
	long direct_##name(long a, long b)            \
	{                                             \
		return syscall(n, a, b);              \
	}
#define CALL3(name, n)                                        \
	long direct_##name(long a, long b, long c) IS(#name); \
	long direct_##name(long a, long b, long c)            \
	{                                                     \
		return syscall(n, a, b, c);                   \
	}
#define CALL4(name, n)                                                \
	long direct_##name(long a, long b, long c, long d) IS(#name); \
	long direct_##name(long a, long b, long c, long d)            \
	{                                                             \
		return syscall(n, a, b, c, d);                        \
	}
#define CALL5(name, n)                                                        \
	long direct_##name(long a, long b, long c, long d, long e) IS(#name); \
	long direct_##name(long a, long b, long c, long d, long e)            \
	{                                                                     \
		return syscall(n, a, b, c, d, e);                             \
	}
#define CALL6(name, n)                                                     \
	long direct_##name(long a, long b, long c, long d, long e, long f) \
	    IS(#name);                                                     \
	long direct_##name(long a, long b, long c, long d, long e, long f) \
	{                                                                  \
		return syscall(n, a, b, c, d, e, f);                       \
	}

CALL2(listen, SYS_listen)
CALL2(shutdown, SYS_shutdown)
CALL3(socket, SYS_socket)
CALL3(bind, SYS_bind)
CALL3(connect, SYS_connect)
CALL3(getsockname, SYS_getsockname)
CALL3(getpeername, SYS_getpeername)
CALL3(sendmsg, SYS_sendmsg)
CALL3(recvmsg, SYS_recvmsg)
CALL4(accept4, SYS_accept4)
CALL4(socketpair, SYS_socketpair)
CALL4(sendmmsg, SYS_sendmmsg)
CALL5(recvmmsg, SYS_recvmmsg)
CALL5(getsockopt, SYS_getsockopt)
CALL5(setsockopt, SYS_setsockopt)
CALL6(sendto, SYS_sendto)
CALL6(recvfrom, SYS_recvfrom)

long direct_accept(long fd, long addr, long len) IS("accept");
long direct_send(long fd, long buf, long len, long flags) IS("send");
long direct_recv(long fd, long buf, long len, long flags) IS("recv");
long direct_recv_chk(long fd, long buf, unsigned long len, unsigned long room,
    long flags) IS("__recv_chk");
long
direct_recvfrom_chk(long fd, long buf, unsigned long len, unsigned long room,
    long flags, long addr, long addrlen) IS("__recvfrom_chk");

long
direct_accept(long fd, long addr, long len)
{
	return syscall(SYS_accept4, fd, addr, len, 0);
}

long
direct_send(long fd, long buf, long len, long flags)
{
	return syscall(SYS_sendto, fd, buf, len, flags, 0L, 0L);
}

long
direct_recv(long fd, long buf, long len, long flags)
{
	return syscall(SYS_recvfrom, fd, buf, len, flags, 0L, 0L);
}

/* What _FORTIFY_SOURCE makes of the two. */
long
direct_recv_chk(
    long fd, long buf, unsigned long len, unsigned long room, long flags)
{
	if (len > room)
		abort();
	return syscall(SYS_recvfrom, fd, buf, len, flags, 0L, 0L);
}

long
direct_recvfrom_chk(long fd, long buf, unsigned long len, unsigned long room,
    long flags, long addr, long addrlen)
{
	if (len > room)
		abort();
	return syscall(SYS_recvfrom, fd, buf, len, flags, addr, addrlen);
}

#endif
