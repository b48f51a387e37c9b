"""What Linux offers to lock a process down: system calls, Landlock, seccomp and namespaces, by ctypes alone.

Not here: when they are applied and what is allowed; the child and the zygote decide. Tables stand for x86_64 and
aarch64; other architectures are said to be unsupported, never guessed. The aarch64 table was written from the
kernel's generic table and has not been run.
"""
