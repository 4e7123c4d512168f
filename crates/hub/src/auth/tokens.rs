//! Making and revoking tokens while the hub runs. Each change is on disk before it is answered, and
//! goes on to its end whatever becomes of whoever asked.

use std::collections::BTreeMap;

use leasehold_core::Rejection;
use leasehold_wire::{Secret, TokenSpec, TokenView};
use tokio::sync::mpsc::UnboundedSender;

use super::{Auth, Shelf, audit, book::Refused, entry, file};
use crate::pool_actor::Out;

/// Who asks for it, for the book and the audit.
#[derive(Debug, Clone)]
pub(crate) struct Author {
    pub(crate) name: String,
    pub(crate) address: String,
    pub(crate) session: u64,
}

impl Auth {
    /// All tokens, with how many sessions are open under each.
    pub(crate) async fn tokens(&self) -> Vec<TokenView> {
        let shelf = self.0.shelf.lock().await;
        let mut sessions: BTreeMap<String, u32> = BTreeMap::new();
        for (name, _) in self.state().live.values() {
            *sessions.entry(name.clone()).or_default() += 1;
        }
        let open = |name: &str| sessions.get(name).copied().unwrap_or(0);
        let all = shelf.book.all();
        all.map(|kept| kept.view(open(&kept.spec.name))).collect()
    }

    /// Makes one, which is good from here on.
    pub(crate) async fn create_token(
        &self,
        spec: TokenSpec,
        by: Author,
    ) -> Result<(Secret, TokenView), Rejection> {
        let auth = self.clone();
        whole(async move { auth.create(spec, &by).await }).await
    }

    /// Makes one worthless: nothing is done under it from here on, and its sessions end.
    pub(crate) async fn revoke_token(&self, name: String, by: Author) -> Result<(), Rejection> {
        let auth = self.clone();
        whole(async move { auth.revoke(&name, &by).await }).await
    }

    async fn create(&self, spec: TokenSpec, by: &Author) -> Result<(Secret, TokenView), Rejection> {
        let mut shelf = self.0.shelf.lock().await;
        let mut book = shelf.book.clone();
        let made = book.make(spec, by.name.clone(), self.0.clock.now());
        let (token, kept) = made.map_err(invalid)?;
        let was = std::mem::replace(&mut shelf.book, book);
        if let Err(why) = shelf.write().await {
            shelf.book = was;
            return Err(Rejection::Invalid(format!("no token was made: {why}")));
        }
        let name = kept.spec.name.clone();
        let mut state = self.state();
        // Expired ones may have made way for it.
        state
            .tokens
            .retain(|name, _| shelf.book.get(name).is_some());
        state.tokens.insert(name.clone(), entry(&kept));
        drop(state);
        let roles = super::grant::Roles::of(&kept.spec.roles);
        let what = format!("token made for {roles}");
        audit::tell(&by.name, &what, &name, &by.address, by.session);
        Ok((token, kept.view(0)))
    }

    async fn revoke(&self, name: &str, by: &Author) -> Result<(), Rejection> {
        let mut shelf = self.0.shelf.lock().await;
        let removed = shelf.book.remove(name);
        if removed.is_err() && !shelf.is_behind {
            return removed.map(drop).map_err(invalid);
        }
        self.end_sessions_of(name);
        let written = shelf.write().await;
        audit::tell(&by.name, "token revoked", name, &by.address, by.session);
        written.map_err(|why| {
            Rejection::Invalid(format!(
                "the token is worthless for as long as this hub runs, but not after a restart: {why}; \
                 revoke it again when that is mended"
            ))
        })
    }

    /// In memory before it is on disk: whatever becomes of the disk, nothing is done under it.
    fn end_sessions_of(&self, name: &str) {
        let mut state = self.state();
        if let Some((_, _, grant)) = state.tokens.remove(name) {
            grant.revoke();
        }
        let of = |(_, (of, back)): (&u64, &(String, UnboundedSender<Out>))| {
            (of == name).then(|| back.clone())
        };
        let backs: Vec<_> = state.live.iter().filter_map(of).collect();
        drop(state);
        for back in backs {
            let why = format!("the token \"{name}\" was revoked");
            // It may just have ended, which is what is wanted.
            _ = back.send(Out::Denied(why));
        }
    }
}

impl Shelf {
    async fn write(&mut self) -> Result<(), String> {
        let Some(path) = self.path.clone() else {
            return Ok(());
        };
        let book = self.book.clone();
        let written = tokio::task::spawn_blocking(move || file::write(&path, &book)).await;
        let written = written
            .map_err(|error| error.to_string())
            .and_then(|written| written.map_err(|error| error.to_string()));
        self.is_behind = written.is_err();
        written
    }
}

fn invalid(refused: Refused) -> Rejection {
    Rejection::Invalid(refused.to_string())
}

/// Runs to its end even if nobody waits for it any more.
async fn whole<T: Send + 'static>(
    work: impl Future<Output = Result<T, Rejection>> + Send + 'static,
) -> Result<T, Rejection> {
    let ended = tokio::spawn(work).await;
    ended.unwrap_or_else(|error| Err(Rejection::Invalid(format!("it was not done: {error}"))))
}
