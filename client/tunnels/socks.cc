#include "client/tunnels/socks.h"

#include <boost/asio/ip/address_v4.hpp>
#include <boost/asio/ip/address_v6.hpp>
#include <utility>

namespace rdev::tunnels {
namespace {

namespace ip = boost::asio::ip;

constexpr std::uint8_t kConnect = 1;
constexpr std::uint8_t kNoAuthentication = 0, kNoMethod = 0xff;
constexpr std::uint8_t kIpv4 = 1, kName = 3, kIpv6 = 4;
// RFC 1928 section 6.
constexpr std::uint8_t kSucceeded = 0, kGeneralFailure = 1, kNotAllowed = 2, kHostUnreachable = 4,
                       kRefused = 5, kCommandNotSupported = 7, kAddressNotSupported = 8;
// SOCKS4 knows two.
constexpr std::uint8_t kGranted4 = 0x5a, kRejected4 = 0x5b;
constexpr std::size_t kMostName = 255;

std::uint8_t byte_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint8_t>(bytes[at]);
}

std::uint16_t port_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint16_t>(byte_at(bytes, at) << 8U | byte_at(bytes, at + 1));
}

template <class Address>
std::string address_at(std::string_view bytes, std::size_t at) {
  typename Address::bytes_type raw;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    raw[i] = byte_at(bytes, at + i);
  }
  return Address(raw).to_string();
}

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= kMostName && name.find('\0') == std::string_view::npos;
}

}  // namespace

Result<std::optional<Socks::Target>> Socks::feed(std::string_view bytes) {
  in_ += bytes;
  if (state_ == State::kGreeting && !in_.empty()) {
    version_ = byte_at(in_, 0);
    if (version_ != 4 && version_ != 5) {
      return fail(Code::kProtocol, "what connected does not speak SOCKS");
    }
    if (version_ == 4) {
      state_ = State::kRequest;
    } else if (auto chosen = greeting(); !chosen) {
      return chosen;
    }
  }
  auto target = Result<std::optional<Target>>(std::nullopt);
  if (state_ == State::kRequest) {
    target = version_ == 5 ? request5() : request4();
  }
  if (target && !*target && in_.size() > kMost) {
    return reject(kGeneralFailure, "the SOCKS request is too long");
  }
  return target;
}

// VER NMETHODS METHODS
Result<std::optional<Socks::Target>> Socks::greeting() {
  if (in_.size() < 2 || in_.size() < 2U + byte_at(in_, 1)) {
    return std::nullopt;
  }
  const std::size_t size = 2U + byte_at(in_, 1);
  const bool open = in_.substr(2, size - 2).find(static_cast<char>(kNoAuthentication)) != in_.npos;
  answer_ = {5, static_cast<char>(open ? kNoAuthentication : kNoMethod)};
  in_.erase(0, size);
  if (!open) {
    return fail(Code::kPermission, "the SOCKS client wants to authenticate: it need not");
  }
  state_ = State::kRequest;
  return std::nullopt;
}

// VER CMD RSV ATYP ADDR PORT
Result<std::optional<Socks::Target>> Socks::request5() {
  if (in_.size() < 5) {
    return std::nullopt;
  }
  if (byte_at(in_, 0) != 5) {
    return reject(kGeneralFailure, "a SOCKS5 request of another version");
  }
  const std::uint8_t kind = byte_at(in_, 3);
  std::size_t size = 4 + 2;
  switch (kind) {
    case kIpv4:
      size += 4;
      break;
    case kIpv6:
      size += 16;
      break;
    case kName:
      size += 1U + byte_at(in_, 4);
      break;
    default:
      return reject(kAddressNotSupported, "a SOCKS5 request with an unknown kind of address");
  }
  if (byte_at(in_, 1) != kConnect) {
    return reject(kCommandNotSupported, "SOCKS here connects only: no BIND, no UDP");
  }
  if (in_.size() < size) {
    return std::nullopt;
  }
  const std::string host = kind == kIpv4   ? address_at<ip::address_v4>(in_, 4)
                           : kind == kIpv6 ? address_at<ip::address_v6>(in_, 4)
                                           : in_.substr(5, byte_at(in_, 4));
  const std::uint16_t port = port_at(in_, size - 2);
  if (!is_name(host) || port == 0) {
    return reject(kGeneralFailure, "a SOCKS5 request without a host or a port");
  }
  return done(size, {.host = host, .port = port});
}

// VN CD PORT ADDR USERID NUL, and NAME NUL when the address is 0.0.0.x
Result<std::optional<Socks::Target>> Socks::request4() {
  constexpr std::size_t kFixed = 8;
  if (in_.size() < kFixed) {
    return std::nullopt;
  }
  if (byte_at(in_, 1) != kConnect) {
    return reject(kCommandNotSupported, "SOCKS here connects only: no BIND");
  }
  const std::size_t user_end = in_.find('\0', kFixed);
  if (user_end == std::string::npos) {
    return std::nullopt;
  }
  std::size_t size = user_end + 1;
  std::string host = address_at<ip::address_v4>(in_, 4);
  if (in_.compare(4, 3, std::string_view("\0\0\0", 3)) == 0 && in_[7] != 0) {
    const std::size_t name_end = in_.find('\0', size);
    if (name_end == std::string::npos) {
      return std::nullopt;
    }
    host = in_.substr(size, name_end - size);
    size = name_end + 1;
  }
  const std::uint16_t port = port_at(in_, 2);
  if (!is_name(host) || port == 0) {
    return reject(kGeneralFailure, "a SOCKS4 request without a host or a port");
  }
  return done(size, {.host = std::move(host), .port = port});
}

std::optional<Socks::Target> Socks::done(std::size_t used, Target target) {
  in_.erase(0, used);
  state_ = State::kDone;
  return target;
}

tl::unexpected<Error> Socks::reject(std::uint8_t code, std::string why) {
  answer_ = reply(code);
  return fail(Code::kProtocol, std::move(why));
}

// SOCKS5: VER REP RSV ATYP, and as the bound address one that says nothing.
std::string Socks::reply(std::uint8_t code) const {
  if (version_ == 5) {
    return std::string{5, static_cast<char>(code), 0, kIpv4} + std::string(6, '\0');
  }
  return std::string{0, static_cast<char>(code == kSucceeded ? kGranted4 : kRejected4)} +
         std::string(6, '\0');
}

std::string Socks::answer() { return std::exchange(answer_, {}); }

std::string Socks::rest() { return std::exchange(in_, {}); }

std::string Socks::granted() const { return reply(kSucceeded); }

std::string Socks::refused(Code why) const {
  switch (why) {
    case Code::kPermission:
      return reply(kNotAllowed);
    case Code::kNotFound:
      return reply(kHostUnreachable);
    case Code::kUnavailable:
      return reply(kRefused);
    default:
      return reply(kGeneralFailure);
  }
}

}  // namespace rdev::tunnels
