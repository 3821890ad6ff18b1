#include "agent/link/hello.h"

#include <utility>

namespace rdev::agent_link {
namespace {

constexpr std::size_t kMaxName = 256;

// What a peer says of itself, for people: short, printable ASCII.
std::string plain(std::string_view text) {
  std::string result(text.substr(0, kMaxName));
  for (char& c : result) {
    if (c < 0x20 || c > 0x7e) {
      c = '?';
    }
  }
  return result.empty() ? "unnamed" : result;
}

awaitable<Result<std::string>> read_exactly(stream::Stream& from, std::size_t size) {
  std::string bytes(size, '\0');
  std::size_t got = 0;
  while (got < size) {
    const auto n = co_await from.read(asio::buffer(bytes.data() + got, size - got));
    if (!n) {
      co_return tl::make_unexpected(n.error());
    }
    if (*n == 0) {
      co_return fail(Code::kClosed, "the connection ended before a whole HELLO");
    }
    got += *n;
  }
  co_return bytes;
}

Result<Hello> parse(std::string_view bytes) {
  wire::Decoder decoder;
  decoder.feed(bytes);
  const auto frame = decoder.next();
  if (!frame) {
    return tl::make_unexpected(frame.error());
  }
  if (!*frame || (*frame)->header.type != wire::Type::kHello || (*frame)->header.stream != 0) {
    return fail(Code::kProtocol, "the first frame of a link must be HELLO");
  }
  Hello hello;
  const std::string_view payload = (*frame)->payload;
  if (!hello.ParseFromArray(payload.data(), static_cast<int>(payload.size()))) {
    return fail(Code::kProtocol, "the HELLO cannot be read");
  }
  return hello;
}

}  // namespace

awaitable<Result<Hello>> read_hello(stream::Stream& carrier) {
  auto bytes = co_await read_exactly(carrier, wire::kHeaderBytes);
  if (!bytes) {
    co_return tl::make_unexpected(bytes.error());
  }
  std::string_view header = *bytes;
  const std::uint32_t size = wire::take_u32(header).value_or(0);
  if (size > kMaxHello) {
    co_return fail(Code::kProtocol, "what came is no HELLO: too long");
  }
  const auto payload = co_await read_exactly(carrier, size);
  if (!payload) {
    co_return tl::make_unexpected(payload.error());
  }
  *bytes += *payload;
  co_return parse(*bytes);
}

Result<void> check_hello(const Hello& hello, const Self& self) {
  if (hello.major() != kMajor) {
    return fail(Code::kProtocol,
                "this agent speaks link protocol " + std::to_string(kMajor) + " (" + self.program +
                    "), you speak " + std::to_string(hello.major()) + " (" +
                    plain(hello.program()) + "): " +
                    (hello.major() > kMajor ? "start the job anew with rdev down and rdev up"
                                            : "install a newer rdev"));
  }
  if (!self.job_name.empty() && hello.job_name() != self.job_name) {
    return fail(Code::kUsage, "this is the agent of the job " + self.job_name + ", not of " +
                                  plain(hello.job_name()) + ": look with rdev status");
  }
  if (hello.session_id().size() != kSessionId || hello.session_secret().size() != kSessionSecret) {
    return fail(Code::kProtocol, "a HELLO must have a session id of 16 bytes and a secret of 32");
  }
  return {};
}

awaitable<Result<void>> write_frame(stream::Stream& carrier, wire::Type type, std::string payload) {
  std::string frame;
  wire::append_frame(frame, {.type = type}, payload);
  co_return co_await carrier.write(asio::buffer(frame));
}

Welcome welcome(const Self& self) {
  Welcome message;
  message.set_major(kMajor);
  message.set_minor(kMinor);
  message.set_program(self.program);
  return message;
}

std::string goodbye(std::string_view reason) {
  Goodbye message;
  message.set_reason(std::string(reason));
  return message.SerializeAsString();
}

bool same_secret(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) {
    return false;
  }
  volatile unsigned char different = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    different = different | static_cast<unsigned char>(a[i] ^ b[i]);
  }
  return different == 0;
}

}  // namespace rdev::agent_link
