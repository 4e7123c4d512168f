//! What version 3 added.

use leasehold_core::Rejection;
use leasehold_wire::{
    BackupPart, BackupVerb, FromHub, FromNode, Hello, Identity, Refusal, RefusalCode, Request,
    Response, Role, Secret, TokenSpec, TokenVerb, TokenView, Welcome,
};

use super::{Example, hello, node, pool, request, response, welcome};

/// How version 3 is agreed on.
pub(super) fn greetings() -> Vec<(&'static str, Example)> {
    let all = Hello {
        version_max: 3,
        ..hello()
    };
    let agreed = Welcome {
        version: 3,
        ..welcome()
    };
    let denied = Refusal {
        code: RefusalCode::Denied,
        reason: "no such token".into(),
    };
    vec![
        ("FromNode.Hello.three", Example::Node(FromNode::Hello(all))),
        (
            "FromHub.Welcome.three",
            Example::Hub(FromHub::Welcome(agreed)),
        ),
        ("RefusalCode.Denied", Example::Hub(FromHub::Refused(denied))),
    ]
}

pub(super) fn requests() -> Vec<(&'static str, Example)> {
    let tokens = |verb| request(2, Request::Tokens { verb });
    let backup = |verb| request(3, Request::Backup { verb });
    let next = BackupVerb::Next {
        backup: 7,
        part: 251,
    };
    vec![
        (
            "Request.Authenticate",
            request(1, Request::Authenticate { token: secret() }),
        ),
        ("Request.Tokens", tokens(TokenVerb::List)),
        ("TokenVerb.List", tokens(TokenVerb::List)),
        (
            "TokenVerb.Create",
            tokens(TokenVerb::Create(Box::new(spec()))),
        ),
        (
            "TokenVerb.Create.plain",
            tokens(TokenVerb::Create(Box::new(plain()))),
        ),
        (
            "TokenVerb.Revoke",
            tokens(TokenVerb::Revoke("mailer".into())),
        ),
        (
            "Role.Producer",
            tokens(TokenVerb::Create(Box::new(of(Role::Producer)))),
        ),
        (
            "Role.Node",
            tokens(TokenVerb::Create(Box::new(of(Role::Node)))),
        ),
        (
            "Role.Admin",
            tokens(TokenVerb::Create(Box::new(of(Role::Admin)))),
        ),
        ("Request.Backup", backup(BackupVerb::Begin)),
        ("BackupVerb.Begin", backup(BackupVerb::Begin)),
        ("BackupVerb.Next", backup(next)),
        ("BackupVerb.End", backup(BackupVerb::End { backup: 7 })),
    ]
}

pub(super) fn answers() -> Vec<(&'static str, Example)> {
    let identity = Identity {
        name: "mailer".into(),
        roles: vec![Role::Producer, Role::Node],
        pools: vec![pool()],
    };
    let view = TokenView {
        spec: spec(),
        made_at_ms: 1_753_000_000_000,
        made_by: "root".into(),
        ends_at_ms: Some(1_753_000_600_000),
        sessions: 2,
    };
    let made = Response::TokenMade {
        token: secret(),
        view: Box::new(view.clone()),
    };
    let part = BackupPart {
        backup: 7,
        part: 251,
        bytes: b"LHBACKUP".as_slice().into(),
        is_last: true,
        bytes_in_all: 65_536,
    };
    let denied = Rejection::Denied("to enqueue in mail needs the role producer".into());
    vec![
        (
            "Response.Authenticated",
            response(1, Response::Authenticated(identity)),
        ),
        ("Response.Tokens", response(2, Response::Tokens(vec![view]))),
        ("Response.TokenMade", response(2, made)),
        ("Response.Backup", response(3, Response::Backup(part))),
        ("Rejection.Denied", response(4, Response::Refused(denied))),
    ]
}

fn secret() -> Secret {
    Secret::new("lh1.mailer.c2VjcmV0".into())
}

fn spec() -> TokenSpec {
    TokenSpec {
        name: "mailer".into(),
        roles: vec![Role::Producer, Role::Node],
        pools: vec![pool()],
        node: Some(node()),
        labels: vec!["zone=a".into()],
        good_for_ms: Some(600_000),
    }
}

fn plain() -> TokenSpec {
    TokenSpec {
        roles: vec![],
        pools: vec![],
        node: None,
        labels: vec![],
        good_for_ms: None,
        ..spec()
    }
}

fn of(role: Role) -> TokenSpec {
    TokenSpec {
        roles: vec![role],
        ..plain()
    }
}
