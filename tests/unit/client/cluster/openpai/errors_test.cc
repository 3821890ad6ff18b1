#include "client/cluster/openpai/errors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <map>
#include <set>

#include "tests/unit/client/cluster/openpai/samples.h"

namespace rdev::cluster::openpai {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

const Words kWords{.cluster = "lab",
                   .user = "bob",
                   .virtual_cluster = "vc1",
                   .job = "rdev-x-123456",
                   .storage = "data"};

// v18-error-STATUS-CASE.json: {http_status, content_type, headers?, body | body_text}.
Refusal captured(const std::string& name) {
  const auto sampled = boost::json::parse(sample("v18-error-" + name)).as_object();
  Refusal refusal{.status = static_cast<int>(sampled.at("http_status").as_int64()),
                  .content_type = sampled.at("content_type").as_string().c_str()};
  if (const auto* text = sampled.if_contains("body_text")) {
    refusal.body = text->as_string().c_str();
  } else {
    refusal.body = boost::json::serialize(sampled.at("body"));
  }
  if (const auto* headers = sampled.if_contains("headers")) {
    refusal.retry_after = headers->as_object().at("Retry-After").as_string().c_str();
  }
  return refusal;
}

struct Row {
  Doing doing;
  Code code;
  std::string why;   // part of the sentence
  std::string cure;  // its end
};

const std::map<std::string, Row> kRows = {
    {"400-bad-name",
     {Doing::kSubmit, Code::kUsage,
      "cannot submit job rdev-x-123456 to cluster lab: name should match ^[a-zA-Z0-9_-]+$",
      "`rdev up NAME`"}},
    {"400-bad-pw",
     {Doing::kLogin, Code::kPermission, "cannot log in to cluster lab: wrong password for user bob",
      "`rdev cluster login lab`"}},
    {"400-empty",
     {Doing::kSubmit, Code::kUsage, "the job's document as a whole should be object",
      "(--template)"}},
    {"400-execution-type", {Doing::kStop, Code::kUsage, "only be stopped or started", "report it"}},
    {"400-gpu-string",
     {Doing::kSubmit, Code::kUsage, "taskRoles.worker.resourcePerInstance.gpu should be integer",
      "--gpus, or correct the template"}},
    {"400-hived-too-many-skus",
     {Doing::kSubmit, Code::kUsage,
      "asks for 18 nodes' parts (SKUs), and the virtual cluster default has 4", "--vc"}},
    {"400-instances-0",
     {Doing::kSubmit, Code::kUsage, "taskRoles.worker.instances should be >= 1", "(--template)"}},
    {"400-json-ctype",
     {Doing::kSubmit, Code::kUsage, "as a whole should be object", "(--template)"}},
    {"400-limit-too-big", {Doing::kList, Code::kUsage, "at most 50000", "ask for fewer"}},
    {"400-malformed-json", {Doing::kLogin, Code::kUsage, "no valid JSON", "report it"}},
    {"400-missing-field", {Doing::kSubmit, Code::kUsage, ": name is missing", "`rdev up NAME`"}},
    {"400-no-pw", {Doing::kLogin, Code::kUsage, "no password was given", "asks for it"}},
    {"400-no-such-prereq", {Doing::kSubmit, Code::kUsage, "prerequisite nope", "(--template)"}},
    {"400-no-user", {Doing::kUser, Code::kNotFound, "no user zz", "`rdev cluster login lab`"}},
    {"400-port-not-int",
     {Doing::kSubmit, Code::kUsage,
      "taskRoles.worker.resourcePerInstance.ports.ssh should be integer", "(--template)"}},
    {"400-short-pw", {Doing::kLogin, Code::kUsage, "too short", "`rdev cluster login lab`"}},
    {"400-unknown-top-level",
     {Doing::kSubmit, Code::kUsage, "foo is not known to the server", "(--template)"}},
    {"400-unknown-user",
     {Doing::kLogin, Code::kNotFound, "no user nobody", "`rdev cluster login lab`"}},
    {"400-vc-bad-name",
     {Doing::kClusters, Code::kUsage, "letters, digits and underscores", "--vc"}},
    {"400-yaml-as-application-x-yaml",
     {Doing::kSubmit, Code::kUsage, "as a whole should be object", "(--template)"}},
    {"401-guest", {Doing::kStatus, Code::kPermission, "none was sent", "`rdev cluster login lab`"}},
    {"401-invalid-token",
     {Doing::kCheckToken, Code::kPermission, "expired or revoked", "`rdev cluster login lab`"}},
    {"403-app-token",
     {Doing::kUser, Code::kPermission, "an application's token", "`rdev cluster login lab`"}},
    {"403-bob-blob",
     {Doing::kStorages, Code::kPermission, "bob may not use the storage blob-data", "--storage"}},
    {"403-bob-nodes",
     {Doing::kClusters, Code::kPermission, "administrators only", "administrator"}},
    {"403-bob-stops-admin",
     {Doing::kStop, Code::kPermission, "the job admin~rdev_probe_1 is not one of bob's",
      "or ask them"}},
    {"403-vc",
     {Doing::kSubmit, Code::kPermission, "admin may not use the virtual cluster nope", "--vc"}},
    {"404-job-missing",
     {Doing::kStatus, Code::kNotFound, "no job admin~x", "`rdev ls` shows what there is"}},
    {"404-no-api",
     {Doing::kProbe, Code::kFailed, "does not know /api/v1/jobs", "`rdev cluster add`"}},
    {"404-no-job-ssh-info", {Doing::kStatus, Code::kFailed, "no ssh for its jobs", "`rdev ssh`"}},
    {"404-storage", {Doing::kSubmit, Code::kNotFound, "no storage nope", "--storage"}},
    {"404-vc-missing", {Doing::kClusters, Code::kNotFound, "no virtual cluster nope", "--vc"}},
    {"409-conflict-job",
     {Doing::kSubmit, Code::kExists, "a job admin~rdev_probe_1 already", "`rdev up`"}},
    {"409-create-user",
     {Doing::kUser, Code::kExists, "a user of this name", "`rdev cluster login lab`"}},
    {"413-body-too-large",
     {Doing::kSubmit, Code::kLimit, "larger than the server takes (100 kB)", "(--template)"}},
    {"429-rate-limit", {Doing::kStatus, Code::kUnavailable, "no more calls", "try again in 60 s"}},
    {"500-bad-yaml",
     {Doing::kSubmit, Code::kUsage,
      "no valid YAML (missed comma between flow collection entries at line 2)", "(--template)"}},
    {"500-log-list", {Doing::kLogs, Code::kUnavailable, "no logs", "then try again"}},
    {"500-missing-instances",
     {Doing::kSubmit, Code::kUsage, "how many `instances`", "(--template)"}},
    {"500-offset-not-a-number", {Doing::kList, Code::kUsage, "a number was expected", "report it"}},
    {"500-storage-deprecated-not-found",
     {Doing::kStorages, Code::kNotFound, "no storage server", "--storage"}},
};

std::set<std::string> captured_names() {
  const std::string prefix = "v18-error-";
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(samples())) {
    const std::string stem = entry.path().stem().string();
    if (stem.starts_with(prefix)) {
      names.insert(stem.substr(prefix.size()));
    }
  }
  return names;
}

void expect_readable(const std::string& sentence) {
  EXPECT_LE(sentence.size(), 300U) << sentence;
  for (const char* leftover :
       {"{", "}", "[{", "\\", "\"", "dataPath", "schemaPath", "keyword", "<", "%", "stack", "\n"}) {
    EXPECT_THAT(sentence, Not(HasSubstr(leftover)));
  }
}

TEST(Explain, EachCapturedRefusalHasItsSentenceAndACure) {
  for (const std::string& name : captured_names()) {
    SCOPED_TRACE(name);
    const auto row = kRows.find(name);
    ASSERT_NE(row, kRows.end()) << "no row for this sample";
    const Error error = explain(row->second.doing, captured(name), kWords);
    EXPECT_EQ(error.code, row->second.code) << error.message;
    EXPECT_THAT(error.message, AllOf(HasSubstr(row->second.why), EndsWith(row->second.cure)));
    expect_readable(error.message);
  }
  EXPECT_GE(captured_names().size(), 41U);
}

// Three of the captured bodies are the same, byte for byte; no others share a sentence.
TEST(Explain, NoTwoBodiesShareASentence) {
  std::map<std::string, std::string> body_of;
  for (const std::string& name : captured_names()) {
    const Refusal refusal = captured(name);
    const std::string sentence = explain(Doing::kSubmit, refusal, kWords).message;
    const auto [other, first] = body_of.emplace(sentence, refusal.body);
    EXPECT_TRUE(first || other->second == refusal.body) << name << ": " << sentence;
  }
}

TEST(Explain, SaysWhatFailed) {
  std::set<std::string> beginnings;
  for (int doing = 0; doing <= static_cast<int>(Doing::kUser); ++doing) {
    const std::string sentence =
        explain(static_cast<Doing>(doing), captured("401-guest"), kWords).message;
    EXPECT_THAT(sentence, HasSubstr("cluster lab"));
    beginnings.insert(sentence.substr(0, sentence.find(": ")));
  }
  EXPECT_EQ(beginnings.size(), 13U);
  EXPECT_EQ(
      explain(Doing::kStop, captured("401-guest"), {}).message,
      "cannot stop the job on the cluster: the cluster wants a token, and none was sent; log in "
      "again: `rdev cluster login NAME`");
}

// A job must not be taken for gone because a proxy has no such page.
TEST(Explain, OnlyTheServerSaysThatAJobIsGone) {
  const std::string page =
      "<html><head><title>404 Not Found</title></head><body>nginx</body></html>";
  const Error error =
      explain(Doing::kStatus, {.status = 404, .content_type = "text/html", .body = page}, kWords);
  EXPECT_EQ(error.code, Code::kFailed);
  EXPECT_THAT(error.message, HasSubstr("not the cluster's server (404)"));
  for (const std::string& body : {std::string(), std::string("Not found"), std::string("{}")}) {
    EXPECT_EQ(explain(Doing::kStatus, {.status = 404, .body = body}, kWords).code, Code::kFailed)
        << body;
  }
}

TEST(Explain, AnswersOfOthersThanTheServer) {
  const struct {
    int status;
    std::string body;
    Code code;
    std::string why;
  } table[] = {
      {502, "<html>\r\n<head><title>502 Bad Gateway</title></head></html>", Code::kUnavailable,
       "(502)"},
      {413, "<html></html>", Code::kLimit, "larger than the proxy"},
      {503, "", Code::kUnavailable, "(503)"},
      {504, "upstream timed out", Code::kUnavailable, "(504)"},
      {500, "", Code::kUnavailable, "it gives no reason (500)"},
      {500, "<pre>Error: x</pre>", Code::kUnavailable, "it gives no reason (500)"},
      {407, "<!DOCTYPE html>", Code::kPermission, "the proxy on the way wants a login"},
      {500, "Server not found.", Code::kUnavailable, "it gives no reason (500)"},
      {302, "<a href=\"/login\">Found</a>", Code::kFailed, "leads elsewhere"},
      {401, "<html></html>", Code::kPermission, "the token is wrong"},
      {403, "  <html></html>", Code::kPermission, "not allowed (403)"},
      {429, "<html></html>", Code::kUnavailable, "try again in a minute"},
      {501, "{\"code\":\"X\"}", Code::kFailed, "cannot do that"},
      {418, "I'm a teapot", Code::kFailed, "it gives no reason (418)"},
  };
  for (const auto& row : table) {
    SCOPED_TRACE(row.body);
    const Error error = explain(Doing::kStatus, {.status = row.status, .body = row.body}, kWords);
    EXPECT_EQ(error.code, row.code) << error.message;
    EXPECT_THAT(error.message, HasSubstr(row.why));
    expect_readable(error.message);
  }
}

TEST(Explain, UnknownReasonsAreGivenInTheServersWords) {
  const auto said = [](int status, const std::string& message, const std::string& more = "") {
    boost::json::object body{{"code", "UnknownError"}, {"message", message}};
    std::string text = boost::json::serialize(body);
    text.insert(text.size() - 1, more);
    return explain(Doing::kSubmit, {.status = status, .body = text}, kWords);
  };
  EXPECT_THAT(
      said(500, "There is a problem with your database connection, please contact your admin.")
          .message,
      HasSubstr("the cluster's database is out of order"));
  const Error unknown =
      said(500, "boom", R"(,"stack":["Error: boom","    at /usr/src/app/x.js:1"])");
  EXPECT_EQ(unknown.code, Code::kUnavailable);
  EXPECT_THAT(unknown.message, AllOf(HasSubstr(": boom; try again"), Not(HasSubstr("usr"))));
  EXPECT_EQ(said(400, "odd").code, Code::kUsage);
  EXPECT_THAT(
      said(400, R"(child "a" fails because [child "b" fails because ["b" is one of [1]]])").message,
      HasSubstr(": \"b\" is one of [1]; "));
  EXPECT_EQ(said(409, "odd").code, Code::kExists);

  const Error dirty = said(400,
                           "a\x1b[31mb\nc\td\xc2\x9b"
                           "e");
  EXPECT_THAT(dirty.message, AllOf(HasSubstr(": a?[31mb; "), Not(HasSubstr("\x1b"))));
  EXPECT_THAT(said(400,
                   "a\xc2\x9b"
                   "b")
                  .message,
              HasSubstr(": a?b; "));
  const Error lengthy = said(400, std::string(100'000, 'x'));
  EXPECT_LE(lengthy.message.size(), 300U);
  EXPECT_THAT(lengthy.message, EndsWith("…; correct the job's template (--template)"));
  // Not one byte of a character is left over where it was cut.
  std::string umlauts;
  for (int i = 0; i < 400; ++i) {
    umlauts += "ä";
  }
  EXPECT_THAT(said(400, umlauts).message, MatchesRegex(".*: (ä)+…; correct.*"));
  expect_readable(said(400, R"({"a":{"b":1}})").message);
  expect_readable(said(400, R"([{"keyword":1}])").message);
  expect_readable(said(400, "[1,2").message);
}

// As the servers' own descriptions (1.0, 1.8) have them; the captured ones differ.
TEST(Explain, OtherWordingsOfTheServer) {
  const auto sentence = [](int status, const std::string& code, const std::string& message) {
    const boost::json::object body{{"code", code}, {"message", message}};
    return explain(Doing::kSubmit, {.status = status, .body = boost::json::serialize(body)}, kWords)
        .message;
  };
  EXPECT_THAT(sentence(409, "ConflictJobError", "Job name x already exists."),
              HasSubstr("a job x already"));
  EXPECT_THAT(sentence(404, "NoVirtualClusterError", "Virtual cluster x is not found."),
              HasSubstr("no virtual cluster x; "));
}

TEST(Explain, WhatAJobLacksIsNotItsEnd) {
  for (const char* code : {"NoTaskLogError", "NoTaskError", "NoTagError", "NoJobConfigError",
                           "NoJobSshInfoError", "NoApiError", "SomethingNew"}) {
    const boost::json::object body{{"code", code}, {"message", "X is not found."}};
    const Refusal refusal{.status = 404, .body = boost::json::serialize(body)};
    EXPECT_NE(explain(Doing::kLogs, refusal, kWords).code, Code::kNotFound) << code;
  }
}

TEST(Explain, SeveralFaultsOfADocument) {
  const std::string one =
      R"({"keyword":"type","dataPath":"['a'].cpu","message":"should be integer"})";
  const boost::json::object body{{"code", "InvalidProtocolError"},
                                 {"message", "[" + one + "," + one + "," + one + "]"}};
  const Error error =
      explain(Doing::kSubmit, {.status = 400, .body = boost::json::serialize(body)}, kWords);
  EXPECT_THAT(error.message,
              HasSubstr(": a.cpu should be integer, and 2 more; give a whole number with --cpus"));
}

TEST(Explain, LongNamesLeaveRoomForTheReasonAndTheCure) {
  const Words names{.cluster = std::string(500, 'c'),
                    .user = std::string(500, 'u'),
                    .job = std::string(500, 'j')};
  for (const std::string& name : captured_names()) {
    const Row& row = kRows.at(name);
    const std::string sentence = explain(row.doing, captured(name), names).message;
    EXPECT_LE(sentence.size(), 300U) << sentence;
    EXPECT_THAT(sentence, Not(EndsWith("…"))) << "no cure";
  }
}

}  // namespace
}  // namespace rdev::cluster::openpai
