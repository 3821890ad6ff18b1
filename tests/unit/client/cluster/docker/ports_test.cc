#include "client/cluster/docker/ports.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "protocol/base/asio.h"

namespace rdev::cluster::docker {
namespace {

// "ADDRESS PORT", "nothing", or "refused".
std::string where(const std::optional<std::string>& publish, Place place) {
  JobSpec spec;
  spec.publish = publish;
  const auto result = publication(spec, place);
  if (!result) {
    EXPECT_EQ(result.error().code, Code::kUsage);
    return "refused";
  }
  return *result ? (*result)->address + " " + (*result)->port : "nothing";
}

TEST(Publication, NoWiderThanAsked) {
  EXPECT_EQ(where(std::nullopt, Place::kLocal), "127.0.0.1 ");
  EXPECT_EQ(where(std::nullopt, Place::kRemote), "nothing");
}

TEST(Publication, ReadsAddressAndPort) {
  const struct {
    std::string text, result;
  } table[] = {
      {"0.0.0.0", "0.0.0.0 "},
      {"10.1.2.3:2222", "10.1.2.3 2222"},
      {"localhost:1", "127.0.0.1 1"},
      {"::", ":: "},
      {"[::1]", "::1 "},
      {"[::1]:65535", "::1 65535"},
      {"", "refused"},
      {":2222", "refused"},
      {"host:1", "refused"},
      {"1.2.3.4:", "refused"},
      {"1.2.3.4:0", "refused"},
      {"1.2.3.4:65536", "refused"},
      {"1.2.3.4:1x", "refused"},
      {"[::1", "refused"},
      {"[::1]:", "refused"},
      {"[::1]x", "refused"},
      {"1.2.3.4.5", "refused"},
  };
  for (const auto& row : table) {
    EXPECT_EQ(where(row.text, Place::kLocal), row.result) << row.text;
    EXPECT_EQ(where(row.text, Place::kRemote), row.result) << row.text;
  }
}

TEST(PortBindings, KeepTheirNumberWhereItIsFree) {
  JobSpec spec;
  spec.ports = {80, 8080};
  const auto bindings = port_bindings(
      spec, Publication{"127.0.0.1", ""},
      [](const std::string& address, std::uint16_t port) { return address != "x" && port != 80; });
  ASSERT_EQ(bindings.size(), 3U);
  EXPECT_EQ(bindings[0].inside, kAgentPort);
  EXPECT_EQ(bindings[0].outside, "");
  EXPECT_EQ(bindings[1].inside, 80);
  EXPECT_EQ(bindings[1].outside, "");
  EXPECT_EQ(bindings[2].outside, "8080");
  EXPECT_EQ(bindings[2].address, "127.0.0.1");
}

TEST(IsFreeHere, SeesAListener) {
  asio::io_context context;
  asio::ip::tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 0});
  const std::uint16_t port = acceptor.local_endpoint().port();
  EXPECT_FALSE(is_free_here("127.0.0.1", port));
  acceptor.close();
  EXPECT_TRUE(is_free_here("127.0.0.1", port));
  EXPECT_TRUE(is_free_here("192.0.2.1", port));  // not ours to know
}

}  // namespace
}  // namespace rdev::cluster::docker
