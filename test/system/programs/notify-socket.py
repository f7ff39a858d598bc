# Receives the notifications of one service, as systemd does, on the Unix datagram socket of its first argument. Prints the
# fields of each as a line of JSON.
import json, socket, sys

server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
server.bind(sys.argv[1])
print(json.dumps({"msg": "listening"}), flush=True)
while True:
    # Closes the descriptor of BARRIER=1, because systemd-notify waits until it is closed.
    fields = dict(line.split("=", 1) for line in server.recv(8192).decode().splitlines())
    print(json.dumps({"msg": "notification", "fields": fields}), flush=True)
