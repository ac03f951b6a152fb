package conformance;

import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.Map;
import org.eclipse.edc.iam.decentralizedclaims.spi.SecureTokenService;
import org.eclipse.edc.policy.context.request.spi.RequestCatalogPolicyContext;
import org.eclipse.edc.policy.context.request.spi.RequestContractNegotiationPolicyContext;
import org.eclipse.edc.policy.context.request.spi.RequestPolicyContext;
import org.eclipse.edc.policy.context.request.spi.RequestTransferProcessPolicyContext;
import org.eclipse.edc.policy.engine.spi.PolicyEngine;
import org.eclipse.edc.policy.model.Policy;
import org.eclipse.edc.runtime.metamodel.annotation.Inject;
import org.eclipse.edc.runtime.metamodel.annotation.Provider;
import org.eclipse.edc.runtime.metamodel.annotation.Setting;
import org.eclipse.edc.spi.iam.TokenRepresentation;
import org.eclipse.edc.spi.result.Result;
import org.eclipse.edc.spi.system.ServiceExtension;
import org.eclipse.edc.spi.system.ServiceExtensionContext;

/** What an EDC needs in code to be a member: the scope it asks under, and who makes its tokens (Wallet). */
public class Membership implements ServiceExtension {
    private static final String SCOPE = "org.eclipse.dspace.dcp.vc.type:MembershipCredential:read";

    @Setting(key = "conformance.tokens", description = "address of the wallet's token service")
    private String tokens;

    @Inject
    private PolicyEngine engine;

    @Override
    public void initialize(ServiceExtensionContext context) {
        engine.registerPostValidator(RequestCatalogPolicyContext.class, Membership::asks);
        engine.registerPostValidator(RequestContractNegotiationPolicyContext.class, Membership::asks);
        engine.registerPostValidator(RequestTransferProcessPolicyContext.class, Membership::asks);
    }

    @Provider
    public SecureTokenService tokenService() {
        return (participant, claims, scope) -> token(claims);
    }

    private static Boolean asks(Policy policy, RequestPolicyContext request) {
        var scopes = new HashSet<>(request.requestScopeBuilder().build().getScopes());
        scopes.add(SCOPE);
        request.requestScopeBuilder().scopes(scopes);
        return true;
    }

    private Result<TokenRepresentation> token(Map<String, Object> claims) {
        var audience = "audience=" + encoded(claims.get("aud"));
        var access = claims.containsKey("token") ? "&token=" + encoded(claims.get("token")) : "";
        var request = HttpRequest.newBuilder(URI.create(tokens))
                .POST(HttpRequest.BodyPublishers.ofString(audience + access)).build();
        try {
            var answer = HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());
            return Result.success(TokenRepresentation.Builder.newInstance().token(answer.body()).build());
        } catch (IOException | InterruptedException broken) {
            return Result.failure("no token: " + broken);
        }
    }

    private static String encoded(Object value) {
        return URLEncoder.encode(String.valueOf(value), StandardCharsets.UTF_8);
    }
}
