//! Making, looking at and revoking tokens: for an admin of all pools.

use leasehold_wire::{Request, Response, Secret, TokenSpec, TokenVerb, TokenView};

use crate::{Inspector, RequestError};

impl Inspector {
    /// All tokens that the hub knows, by name, without their secrets, which nobody keeps.
    ///
    /// # Errors
    /// [`leasehold_core::Rejection::Denied`] unless an admin of all pools asks, or the hub asks nobody
    /// who he is; [`leasehold_core::Rejection::Unsupported`] if the hub speaks an older version of the
    /// protocol than 3; see [`RequestError`] for the rest.
    pub async fn tokens(&self) -> Result<Vec<TokenView>, RequestError> {
        self.token_verb(TokenVerb::List).await
    }

    /// Makes a token: what is to be shown, this once, and what it is good for. It is good when this
    /// returns, and outlives the hub. If the answer is lost there is a token that nobody knows: revoke
    /// it, and make another.
    ///
    /// # Errors
    /// [`leasehold_core::Rejection::Invalid`] if there is one of that name, or it is out of bounds; as
    /// [`Self::tokens`].
    pub async fn create_token(&self, spec: TokenSpec) -> Result<(Secret, TokenView), RequestError> {
        let verb = TokenVerb::Create(Box::new(spec));
        let asked = self.requests.ask(Request::Tokens { verb }).await?;
        if let Response::TokenMade { token, view } = asked.response {
            return Ok((token, *view));
        }
        Err(RequestError::Unexpected)
    }

    /// Makes a token worthless. When this returns nothing is done under it any more, its sessions are
    /// being ended, and it stays so after a restart. Answers with those that are left.
    ///
    /// # Errors
    /// [`leasehold_core::Rejection::Invalid`] if there is none of that name; as [`Self::tokens`].
    pub async fn revoke_token(
        &self,
        name: impl Into<String>,
    ) -> Result<Vec<TokenView>, RequestError> {
        self.token_verb(TokenVerb::Revoke(name.into())).await
    }

    async fn token_verb(&self, verb: TokenVerb) -> Result<Vec<TokenView>, RequestError> {
        let asked = self.requests.ask(Request::Tokens { verb }).await?;
        if let Response::Tokens(tokens) = asked.response {
            return Ok(tokens);
        }
        Err(RequestError::Unexpected)
    }
}
