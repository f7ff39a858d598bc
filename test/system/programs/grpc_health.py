"""A client of grpc.health.v1 with grpcio and protobuf: obeys lines of JSON, and prints one for each event."""

import json
import sys
import threading
import time

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

STRING, ENUM, MESSAGE = 9, 14, 11
OPTIONAL, REPEATED = 1, 3


def messages():
    """The classes of the messages, as protoc makes them from health.proto."""
    file = descriptor_pb2.FileDescriptorProto(name="health.proto", package="grpc.health.v1", syntax="proto3")
    request = file.message_type.add(name="HealthCheckRequest")
    request.field.add(name="service", number=1, type=STRING, label=OPTIONAL)
    response = file.message_type.add(name="HealthCheckResponse")
    statuses = response.enum_type.add(name="ServingStatus")
    for number, name in enumerate(["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"]):
        statuses.value.add(name=name, number=number)
    name = ".grpc.health.v1.HealthCheckResponse"
    response.field.add(name="status", number=1, type=ENUM, label=OPTIONAL, type_name=f"{name}.ServingStatus")
    file.message_type.add(name="HealthListRequest")
    listed = file.message_type.add(name="HealthListResponse")
    entry = listed.nested_type.add(name="StatusesEntry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, type=STRING, label=OPTIONAL)
    entry.field.add(name="value", number=2, type=MESSAGE, label=OPTIONAL, type_name=name)
    listed.field.add(
        name="statuses",
        number=1,
        type=MESSAGE,
        label=REPEATED,
        type_name=".grpc.health.v1.HealthListResponse.StatusesEntry",
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    factory = message_factory.MessageFactory(pool)
    names = ["HealthCheckRequest", "HealthCheckResponse", "HealthListRequest", "HealthListResponse"]
    return [factory.GetPrototype(pool.FindMessageTypeByName(f"grpc.health.v1.{name}")) for name in names]


Request, Response, ListRequest, ListResponse = messages()
NAMES = Response.DESCRIPTOR.enum_types_by_name["ServingStatus"].values_by_number
lock = threading.Lock()


def say(event, **details):
    at = time.clock_gettime(time.CLOCK_MONOTONIC) * 1000
    with lock:
        print(json.dumps({"event": event, "at": at, **details}), flush=True)


def status(response):
    return NAMES[response.status].name


def statuses(response):
    return {service: status(each) for service, each in response.statuses.items()}


class Health:
    def __init__(self, address):
        channel = grpc.insecure_channel(address)
        path = "/grpc.health.v1.Health/"
        to_bytes = {"request_serializer": lambda message: message.SerializeToString()}
        self.call_check = channel.unary_unary(path + "Check", response_deserializer=Response.FromString, **to_bytes)
        self.call_watch = channel.unary_stream(path + "Watch", response_deserializer=Response.FromString, **to_bytes)
        self.call_list = channel.unary_unary(path + "List", response_deserializer=ListResponse.FromString, **to_bytes)

    def check(self, service, timeout=None):
        try:
            answer = status(self.call_check(Request(service=service), timeout=timeout))
        except grpc.RpcError as error:
            answer = error.code().name
        say("checked", service=service, status=answer)

    def list(self):
        say("listed", statuses=statuses(self.call_list(ListRequest())))

    def watch(self, service):
        def run():
            try:
                for response in self.call_watch(Request(service=service)):
                    say("watched", service=service, status=status(response))
            except grpc.RpcError as error:
                say("watched", service=service, status=error.code().name)

        threading.Thread(target=run, daemon=True).start()


def encode(service):
    say("encoded", hex=Request(service=service).SerializeToString().hex())


def parse(hex):
    try:
        say("parsed", service=Request.FromString(bytes.fromhex(hex)).service)
    except Exception:
        say("parsed", service=None)


health = Health(sys.argv[1]) if len(sys.argv) > 1 else None
say("up")
for line in sys.stdin:
    command = json.loads(line)
    if "check" in command:
        health.check(command["check"], command.get("timeout"))
    elif "watch" in command:
        health.watch(command["watch"])
    elif "list" in command:
        health.list()
    elif "encode" in command:
        encode(command["encode"])
    elif "parse" in command:
        parse(command["parse"])
    elif "response" in command:
        say("response", status=status(Response.FromString(bytes.fromhex(command["response"]))))
    elif "statuses" in command:
        say("statuses", statuses=statuses(ListResponse.FromString(bytes.fromhex(command["statuses"]))))
