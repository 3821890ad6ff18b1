#include "tests/unit/client/cluster/docker/fake_engine.h"

#include <sys/socket.h>

#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

namespace rdev::test {
namespace {

using local = boost::asio::local::stream_protocol;

std::size_t content_length(const std::string& head) {
  const auto at = head.find("Content-Length: ");
  return at == std::string::npos ? 0 : std::stoul(head.substr(at + 16));
}

}  // namespace

FakeEngine::FakeEngine(Answer answer)
    : answer_(std::move(answer)),
      acceptor_(context_, local::endpoint((dir_.path() / "s").string())),
      acceptor_thread_(&FakeEngine::accept_all, this) {}

FakeEngine::~FakeEngine() {
  ended_ = true;
  Socket last(context_);
  boost::system::error_code ignored;  // it only wakes accept()
  last.connect(acceptor_.local_endpoint(), ignored);
  acceptor_thread_.join();
  {
    const std::lock_guard lock(mutex_);
    for (const int fd : open_) {
      ::shutdown(fd, SHUT_RDWR);
    }
  }
  for (std::thread& thread : threads_) {
    thread.join();
  }
}

cluster::docker::EngineAddress FakeEngine::address() const {
  return *cluster::docker::parse_host("unix://" + (dir_.path() / "s").string());
}

std::vector<std::string> FakeEngine::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

std::string FakeEngine::heads() const {
  const std::lock_guard lock(mutex_);
  return heads_;
}

void FakeEngine::wait_for(const std::string& line) const {
  std::unique_lock lock(mutex_);
  noted_.wait(
      lock, [&] { return std::find(requests_.begin(), requests_.end(), line) != requests_.end(); });
}

std::string FakeEngine::response(int status, const std::string& body, const std::string& headers) {
  return "HTTP/1.1 " + std::to_string(status) + " X\r\n" + headers +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

void FakeEngine::accept_all() {
  for (;;) {
    Socket socket(context_);
    boost::system::error_code error;
    acceptor_.accept(socket, error);
    if (ended_ || error) {
      return;
    }
    ++connections_;
    const std::lock_guard lock(mutex_);
    open_.push_back(::dup(socket.native_handle()));
    threads_.emplace_back([this, s = std::move(socket)]() mutable { serve(s); });
  }
}

std::string FakeEngine::note(const std::string& head) {
  std::string line = head.substr(0, head.find(" HTTP/1.1"));
  if (const auto version = line.find(" /v1."); version != std::string::npos) {
    line.erase(version + 1, line.find('/', version + 2) - version - 1);
  }
  const std::lock_guard lock(mutex_);
  heads_ += head;
  if (line != "GET /_ping") {
    requests_.push_back(line);
    noted_.notify_all();
  }
  return line;
}

void FakeEngine::serve(Socket& socket) {
  std::string received;
  for (;;) {
    boost::system::error_code error;
    const std::size_t head_size =
        boost::asio::read_until(socket, boost::asio::dynamic_buffer(received), "\r\n\r\n", error);
    if (error) {
      return;
    }
    const std::string head = received.substr(0, head_size);
    received.erase(0, head_size);
    const std::size_t size = content_length(head);
    if (received.size() < size) {
      boost::asio::read(socket, boost::asio::dynamic_buffer(received),
                        boost::asio::transfer_exactly(size - received.size()), error);
    }
    const std::string body = received.substr(0, size);
    received.erase(0, size);
    const std::string line = note(head);
    const std::string reply =
        line == "GET /_ping" ? response(200, "OK", "Api-Version: 1.41\r\n") : answer_(line, body);
    if (error || reply.empty()) {
      socket.shutdown(Socket::shutdown_both, error);
      return;
    }
    if (reply != kHang) {
      boost::asio::write(socket, boost::asio::buffer(reply), error);
    }
  }
}

}  // namespace rdev::test
