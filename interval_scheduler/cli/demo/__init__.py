"""The demo: thousands of per-user interval tasks, live, with a scheduler killed in the middle.

Two schedulers, A and B, share the work. Half-way the busier one is killed without a goodbye, and C comes. In the end
the demo looks whether each task is still scheduled, and ran again after the kill.

On a server, which may be one of its own (local://), the schedulers are processes of their own, and the kill is SIGKILL.
On the embedded engine (memory://) they live in this process, and the kill cancels everything that it does in the
background at once.
"""
