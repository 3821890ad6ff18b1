#include "tests/unit/agent/link_lab.h"

// What is refused, and with which words.
namespace rdev::agent {
namespace {

struct Bad {
  const char* name;
  std::function<void(StreamRequest&)> make;
  const char* why;
};

const Bad kBad[] = {
    {"NoCommand", [](StreamRequest& r) { r.mutable_session(); }, "no command"},
    {"EmptyCommand", [](StreamRequest& r) { r.mutable_session()->add_argv(""); }, "no command"},
    {"NulInArgv", [](StreamRequest& r) { r.mutable_session()->add_argv(std::string("a\0b", 3)); },
     "NUL"},
    {"NulInUser",
     [](StreamRequest& r) {
       r.mutable_session()->add_argv("true");
       r.mutable_session()->set_user(std::string("a\0b", 3));
     },
     "NUL"},
    {"NoSuchUser",
     [](StreamRequest& r) {
       r.mutable_session()->add_argv("true");
       r.mutable_session()->set_user("nobody-of-that-name");
     },
     "nobody-of-that-name"},
    {"BadEnvironment",
     [](StreamRequest& r) {
       r.mutable_session()->add_argv("true");
       r.mutable_session()->add_env("NAME");
     },
     "NAME=VALUE"},
    {"NamelessEnvironment",
     [](StreamRequest& r) {
       r.mutable_session()->add_argv("true");
       r.mutable_session()->add_env("=x");
     },
     "NAME=VALUE"},
    {"TwoCommandLines",
     [](StreamRequest& r) {
       r.mutable_session()->set_kind(Session::COMMAND);
       r.mutable_session()->add_argv("true");
       r.mutable_session()->add_argv("true");
     },
     "one argument"},
    {"NewerKindOfSession",
     [](StreamRequest& r) { r.mutable_session()->set_kind(static_cast<Session::Kind>(99)); },
     "older than your rdev"},
    {"NoHost", [](StreamRequest& r) { r.mutable_tcp()->set_port(80); }, "needs a host"},
    {"NoPort", [](StreamRequest& r) { r.mutable_tcp()->set_host("localhost"); }, "no port 0"},
    {"PortTooHigh",
     [](StreamRequest& r) {
       r.mutable_tcp()->set_host("localhost");
       r.mutable_tcp()->set_port(65536);
     },
     "no port 65536"},
    {"RelativeSocket", [](StreamRequest& r) { r.mutable_unix_socket()->set_path("x"); },
     "absolute"},
    {"NoSocket", [](StreamRequest& r) { r.mutable_unix_socket()->set_path("/nowhere/x"); },
     "/nowhere/x"},
    {"ListenOnARelativePath", [](StreamRequest& r) { r.mutable_listen()->set_path("x"); },
     "absolute"},
    {"ListenTooHigh", [](StreamRequest& r) { r.mutable_listen()->set_port(70000); },
     "no port 70000"},
    {"NulInAnAddress",
     [](StreamRequest& r) {
       r.mutable_session()->add_argv("true");
       r.mutable_session()->mutable_ssh()->set_remote_address(std::string("a\0b", 3));
     },
     "NUL"},
    {"NulInTheUserOfAnAgent",
     [](StreamRequest& r) { r.mutable_lend_agent()->set_user(std::string("a\0b", 3)); }, "NUL"},
    {"AnAgentForNobody",
     [](StreamRequest& r) { r.mutable_lend_agent()->set_user("nobody-of-that-name"); },
     "nobody-of-that-name"},
    {"ExtendByNothing", [](StreamRequest& r) { r.mutable_extend(); }, ""},
    {"ExtendForEver", [](StreamRequest& r) { r.mutable_extend()->set_add_seconds(UINT64_MAX); },
     ""},
};

class Refused : public LinkLab, public testing::WithParamInterface<Bad> {};

TEST_P(Refused, WithAReason) {
  StreamRequest request;
  GetParam().make(request);
  const auto opened = open(request);
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().code,
              testing::AnyOf(Code::kPermission, Code::kNotFound, Code::kUnavailable));
  EXPECT_THAT(opened.error().message, HasSubstr(GetParam().why));
  EXPECT_NE(opened.error().message, "");
}

TEST_F(LinkLab, ARefusalsReasonIsItsErrorsCode) {
  StreamRequest request;
  request.mutable_session()->set_kind(static_cast<Session::Kind>(99));
  EXPECT_EQ(open(request).error().code, Code::kNotFound);
  request.mutable_tcp()->set_host("");
  EXPECT_EQ(open(request).error().code, Code::kPermission);
  request.mutable_unix_socket()->set_path("/nowhere/x");
  EXPECT_EQ(open(request).error().code, Code::kUnavailable);
}

INSTANTIATE_TEST_SUITE_P(All, Refused, testing::ValuesIn(kBad),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace rdev::agent
