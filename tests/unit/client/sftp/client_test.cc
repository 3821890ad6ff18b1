#include "client/sftp/client.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <optional>

#include "protocol/stream/fake.h"
#include "tests/unit/run.h"

namespace rdev::sftp {
namespace {

constexpr char kVersion[] = "\0\0\0\5\2\0\0\0\3";
std::string version() { return {kVersion, sizeof kVersion - 1}; }

// A status or an empty set of attributes.
std::string status(std::uint8_t id, std::uint8_t code) {
  const unsigned char packet[] = {0, 0, 0, 13, 101, 0, 0, 0, id, 0, 0, 0, code, 0, 0, 0, 0};
  return {reinterpret_cast<const char*>(packet), sizeof packet};
}
std::string attributes(std::uint8_t id, std::uint8_t mode) {
  const unsigned char packet[] = {0, 0, 0, 13, 105, 0, 0, 0, id, 0, 0, 0, 4, 0, 0, 0, mode};
  return {reinterpret_cast<const char*>(packet), sizeof packet};
}
std::string text(std::uint8_t type, std::uint8_t id, char c) {
  const unsigned char packet[] = {0, 0,  0, 10, type, 0, 0,
                                  0, id, 0, 0,  0,    1, static_cast<unsigned char>(c)};
  return {reinterpret_cast<const char*>(packet), sizeof packet};
}

template <class T>
std::optional<Code> code_of(const Result<T>& result) {
  return result ? std::nullopt : std::optional(result.error().code);
}

// A server that says these bytes, whatever it is asked.
class SftpClient : public testing::Test {
 protected:
  void run(awaitable<void> task) { test::run(context_, std::move(task)); }

  awaitable<Result<std::unique_ptr<Client>>> start(std::string says) {
    auto [ours, theirs] = stream::make_pair(context_.get_executor());
    server_ = std::move(theirs);
    (void)co_await server_->write(asio::buffer(says));
    server_->write_eof();
    co_return co_await Client::start(std::move(ours));
  }

  asio::io_context context_{1};
  std::unique_ptr<stream::Stream> server_;
};

CO_TEST_F(SftpClient, AnswersMayComeInAnyOrder) {
  const std::vector<std::string> paths = {"/a", "/b", "/c"};
  const auto client =
      co_await start(version() + attributes(2, 8) + status(1, 2) + attributes(3, 9));
  const auto found = co_await client.value()->stat(paths);
  EXPECT_EQ(found.value()[0].error().code, Code::kNotFound);
  EXPECT_EQ(found.value()[1]->mode, 8U);
  EXPECT_EQ(found.value()[2]->mode, 9U);
}

CO_TEST_F(SftpClient, WhatWasNotAskedEndsIt) {
  const std::vector<std::string> paths = {"/a"};
  const auto client = co_await start(version() + attributes(7, 8));
  const auto found = co_await client.value()->stat(paths);
  EXPECT_EQ(code_of(found), Code::kProtocol);
}

CO_TEST_F(SftpClient, TheSameTwiceEndsIt) {
  const std::vector<std::string> paths = {"/a", "/b"};
  const auto client = co_await start(version() + attributes(1, 8) + attributes(1, 8));
  const auto found = co_await client.value()->stat(paths);
  EXPECT_EQ(code_of(found), Code::kProtocol);
}

CO_TEST_F(SftpClient, ReadsToTheEndOrTheBound) {
  // HANDLE, DATA, end of file, closed; then HANDLE, DATA, closed.
  const auto client =
      co_await start(version() + text(102, 1, 'h') + text(103, 2, 'x') + status(3, 1) +
                     status(4, 0) + text(102, 5, 'h') + text(103, 6, 'y') + status(7, 0));
  const auto whole = co_await client.value()->read("/a", 100);
  const auto beginning = co_await client.value()->read("/b", 1);
  EXPECT_EQ(whole.value_or(""), "x");
  EXPECT_EQ(beginning.value_or(""), "y");
}

CO_TEST_F(SftpClient, ReadsNoMoreThanItAskedFor) {
  std::string long_data = text(103, 2, 'x') + "y";
  long_data[3] = 11;
  long_data[12] = 2;
  const auto client = co_await start(version() + text(102, 1, 'h') + long_data + status(3, 0));
  const auto read = co_await client.value()->read("/a", 1);
  EXPECT_EQ(code_of(read), Code::kProtocol);
}

CO_TEST_F(SftpClient, SomethingElseSpeaksThere) {
  const auto client = co_await start("Welcome to this machine\n");
  EXPECT_EQ(code_of(client), Code::kProtocol);
}

CO_TEST_F(SftpClient, TheServerEnds) {
  const auto client = co_await start("");
  EXPECT_EQ(code_of(client), Code::kClosed);
}

}  // namespace
}  // namespace rdev::sftp
