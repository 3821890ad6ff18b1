#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "client/cluster/docker/address.h"
#include "tests/unit/client/temp_dir.h"

namespace rdev::test {

// An engine on a unix socket for what a real one can't be made to do. A thread serves each
// connection after the other's requests; `answer` gets "METHOD TARGET" and the body and returns the
// response's bytes, "" to close the connection, or kHang to stay silent.
class FakeEngine final {
 public:
  using Answer = std::function<std::string(const std::string& line, const std::string& body)>;
  static constexpr char kHang[] = "hang";

  explicit FakeEngine(Answer answer);
  FakeEngine(const FakeEngine&) = delete;
  FakeEngine& operator=(const FakeEngine&) = delete;
  ~FakeEngine();

  cluster::docker::EngineAddress address() const;
  // "METHOD TARGET" of all requests so far, without the pings and the API's version.
  std::vector<std::string> requests() const;
  // The heads of all requests, whole.
  std::string heads() const;
  int connections() const { return connections_; }
  // Waits until a request of that line has come.
  void wait_for(const std::string& line) const;

  // A response with a Content-Length.
  static std::string response(int status, const std::string& body, const std::string& headers = "");

 private:
  using Socket = boost::asio::local::stream_protocol::socket;
  void accept_all();
  void serve(Socket& socket);
  std::string note(const std::string& head);

  TempDir dir_;
  Answer answer_;
  boost::asio::io_context context_;
  boost::asio::local::stream_protocol::acceptor acceptor_;
  mutable std::mutex mutex_;
  mutable std::condition_variable noted_;
  std::vector<std::string> requests_;
  std::string heads_;
  std::vector<int> open_;
  std::vector<std::thread> threads_;
  std::atomic<int> connections_ = 0;
  std::atomic<bool> ended_ = false;
  std::thread acceptor_thread_;
};

}  // namespace rdev::test
